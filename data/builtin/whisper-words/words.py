"""The vocabulary and the fixed phrases."""
NUM = """zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen
seventeen eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety hundred thousand million""".split()
LETTERS = {c: c for c in "abcdefghijklmnopqrstuvwxyz"}
ALSA = "front rear side left right center".split()
WEEK = "monday tuesday wednesday thursday friday saturday sunday today tomorrow yesterday".split()
MONTHS = "january february march april may june july august september october november december".split()
COLOURS = "red green blue yellow orange white black brown grey pink purple".split()
PHONETIC = "alpha bravo charlie delta echo foxtrot golf hotel india juliet kilo lima mike oscar papa quebec romeo sierra tango uniform victor whiskey yankee zulu".split()
COMMANDS = """open close start stop play pause record next previous up down on off yes no cancel help back forward
louder quieter volume mute unmute save delete send call answer hang dial repeat go turn set computer light lights
music video sound noise channel speaker microphone test hello goodbye welcome thanks thank you please sorry okay
enter exit home search find file folder new old write read copy paste undo print quit window screen page top bottom
middle north south east west first second third last high low fast slow big small good bad hot cold day night
morning evening week month year hour hours minute minutes time door key phone number name message word line
point minus plus equals dollar percent at dot dash slash space star pound question""".split()
THINGS = """cat dog bird fish horse cow pig goat lion tiger bear rabbit mouse duck elephant camel donkey man woman boy girl
tree flower ball ear eye nose mouth hair hat coat shoe car train bridge road bicycle earth moon sun rocket
cheese tomato onion bacon mushroom water fire house city world""".split()
SMALL = """the a an and or to of in is it i he she we they this that for with by from are was be not have has can
will do what where who how when my your all more there one""".split()
BASE = list(dict.fromkeys(NUM + list(LETTERS) + ALSA + WEEK + MONTHS + COLOURS + PHONETIC + COMMANDS + THINGS + SMALL))
PHRASES = """front left|front right|front center|rear left|rear right|rear center|side left|side right|left right|
turn on the light|turn off the lights|turn up the volume|turn the volume down|play the next song|stop the music|
open the file|close the window|save the file|go back|go to the next page|call the number|send the message|
what time is it|thank you|good morning|good evening|good night|hello world|set the volume to ten percent|
please hold|please try again|this is a test|the door is open|one two three|a b c|the red car|the black cat|
monday morning|the first of may|where is the dog|turn left|turn right|go left|go right|left channel|right channel|
the center speaker|the rear speaker|the front door|on the left side|on the right side|at the front|
""".replace("\n", "").split("|")[:-1]

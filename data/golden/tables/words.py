# SPDX-License-Identifier: LGPL-2.1-or-later
#
# A vocabulary for tables, odd cells, and random tables and questions made of them: what the recipes of the tokenizer and of the task ask about.
import random
import string

WORDS = """the of in how many what is name year city movies total largest actor brad pitt george clooney january march may june november 7 10 28 1967 1996 56 45 59 87 53 69
less than more first third two three one rank gold silver kg paris z rich stadt ul é ü ß ç ñ α β γ δ ς 日 本 ½ ² ٣""".split()
# numbers and dates of every pattern, what only looks like one, and what is no value
CELLS = ["", "n/a", "?", "nan", "NaN ", " ", "-", "56", "45", "1,234", "-5", "+7.5", ".5", "1990", "1990s", "march 1996", "March 7, 1967", "28 november 1967", "7 Feb 1900",
         "29 february", "29 february 2000", "2001-02-28", "12-31-1999", "13-1-1999", "31.12.2015", "2020", "1st", "2nd", "third", "twelve", "Monday, March 5", "may", "sept 2003", "paris",
         "Lisbon, 10", "ΟΔΟΣ", "Straße", "日本", "½", "²", "٣", "١٩٩٠", "12٣", "1e5", "1e400", "inf", "100%", "$ 5.00", "(3)", "a_b", "___", "[SEP]", "[EMPTY]", "[empty]", "x [MASK] y",
         "x" * 120, "e\u0301t\u00e9", "\u0130stanbul", "\u00a0", "\u2028", "-0", "0", "--5", "5-3", "3.", "1,23", "1,2345", "12,345,678.9", "brad pitt the actor of many movies and more",
         "20 june", "june 31", "2016", "1700", "1699", "zero", "Twelfth", "🙂", "Ⅷ", "1 2 3 4 5", "jun 4", "4 jun", "4 jun 2001", "jun 2001", "jun 4, 2001", "2001-6", "friday, june 4", "0 june"]
QUESTION = ["how", "many", "movies", "more", "than", "56", "less", "45", "first", "third", "in", "1990", "march 1996", "largest", "?", "total", "paris", "n/a", "november 28", "-5", "the",
            ".5", "what is", "10 june 1996"]
NAMES = ["name", "Year", "", "city ( x )", "movies", "n/a", "größe", "rank", "total", "1990"]


def vocabulary():
    special = ["[PAD]", "[EMPTY]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    letters = string.ascii_lowercase + string.digits
    return list(dict.fromkeys(special + WORDS + list(letters) + list("?.,-()%$/:'\"#&+*=[]") + ["##" + c for c in letters] + ["##ing", "##er", "##th"]))


def random_cell(rng, kind):
    if kind == "number":
        return rng.choice([str(rng.randint(-3, 60)), "%.1f" % rng.uniform(0, 9), "1,%03d" % rng.randint(0, 9)])
    if kind == "date":
        return rng.choice(["%d %s %d" % (rng.randint(1, 31), rng.choice(["march", "may", "june"]), rng.randint(1890, 2018)), "march %d" % rng.randint(1990, 1994),
                           str(rng.randint(1990, 1995)), "%d-%02d" % (rng.randint(1990, 1995), rng.randint(1, 12))])
    return random_cell(rng, rng.choice(["number", "date", "any"])) if kind == "mixed" else rng.choice(CELLS)


def random_table(rng, most_rows):
    """Names, and rows of cells."""
    kinds = [rng.choice(["any", "number", "date", "mixed"]) for _ in range(rng.randint(1, 5))]
    return rng.sample(NAMES, len(kinds)), [[random_cell(rng, kind) for kind in kinds] for _ in range(rng.randint(1, most_rows))]


def random_question(rng):
    return " ".join(rng.choice(QUESTION) for _ in range(rng.randint(1, 9)))

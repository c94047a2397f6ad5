# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Completion of gtransformers for bash. Tasks come from the tool itself.

_gtransformers_tasks() {
  gtransformers plugins --quiet 2>/dev/null | awk '/^tasks:/ { on = 1; next } /^[^ ]/ { on = 0 } on && $1 != "serves" { print $1 }'
}

_gtransformers_models() {
  local cache=${HF_HUB_CACHE:-${HF_HOME:-${XDG_CACHE_HOME:-$HOME/.cache}/huggingface}/hub} entry name
  for entry in "$cache"/models--*; do
    [ -d "$entry" ] || continue
    name=${entry##*/models--}
    printf '%s\n' "${name//--//}"
  done
}

_gtransformers() {
  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} command=${COMP_WORDS[1]}
  local commands="run tokenize preprocess inspect convert search download upload cache auth plugins env" options=

  COMPREPLY=()
  if [ "$COMP_CWORD" -eq 1 ]; then
    mapfile -t COMPREPLY < <(compgen -W "$commands --help --version" -- "$cur")
    return
  fi
  case "$prev" in
    --model | -m)
      compopt -o filenames
      mapfile -t COMPREPLY < <(compgen -W "$(_gtransformers_models)" -- "$cur"; compgen -d -- "$cur")
      return ;;
    --format | -f)
      case "$command$prev" in
        run*) options="text json html srt vtt coco png jpeg" ;;
        inspect*) options="text json html" ;;
        *--format) options="human json quiet" ;;
        *) return ;;                            # cache -f: a filter
      esac
      mapfile -t COMPREPLY < <(compgen -W "$options" -- "$cur")
      return ;;
    --sort)
      [ "$command" = cache ] && options="accessed modified name size" || options="downloads likes trending created modified"
      mapfile -t COMPREPLY < <(compgen -W "$options" -- "$cur")
      return ;;
    --task) mapfile -t COMPREPLY < <(compgen -W "$(_gtransformers_tasks)" -- "$cur"); return ;;
    --dtype)
      [ "$command" = convert ] && options="float64" || options="int8"
      mapfile -t COMPREPLY < <(compgen -W "float32 bfloat16 float16 $options auto" -- "$cur")
      return ;;
    --to) mapfile -t COMPREPLY < <(compgen -W "safetensors" -- "$cur"); return ;;
    --update-cache | --cache-dir | --local-dir) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -d -- "$cur"); return ;;
    --type | --repo-type) mapfile -t COMPREPLY < <(compgen -W "model dataset space" -- "$cur"); return ;;
    --set | -s | --threads | --revision | --shard-size | --include | --exclude | --delete | --commit-message | --commit-description | --token | --token-name | --max-workers | --filter | --limit | --library | --author | --language | --license | --tag) return ;;
  esac
  case "$command" in
    run) options="--model --set --format --output --jsonl --dtype --threads --revision --adapter --quiet --help" ;;
    tokenize) options="--model --set --jsonl --decode --chat --revision --quiet --help" ;;
    preprocess) options="--model --output --set --revision --quiet --help" ;;
    inspect) options="--weights --format --output --revision --quiet --help" ;;
    convert) options="--to --output --dtype --shard-size --revision --quiet --help" ;;
    download) options="--include --exclude --revision --type --cache-dir --local-dir --force-download --dry-run --token --max-workers --quiet --help" ;;
    upload) options="--type --revision --private --no-private --include --exclude --delete --commit-message --commit-description --create-pr --token --format --json --quiet --help" ;;
    search) options="--task --library --author --language --license --tag --sort --limit --format --json --quiet --help" ;;
    cache) options="ls rm prune verify --cache-dir --revisions --filter --sort --limit --show-warnings --yes --dry-run --revision --local-dir --fail-on-missing-files --fail-on-extra-files --format --json --quiet --help" ;;
    auth) options="login logout whoami list switch token --token --force --token-name --format --json --quiet --help" ;;
    plugins) options="--update-cache --quiet --help" ;;
    env) options="--help" ;;
  esac
  if [[ $cur == -* ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$options" -- "$cur")
  elif [[ $command == cache || $command == auth ]] && [ "$COMP_CWORD" -eq 2 ]; then
    mapfile -t COMPREPLY < <(compgen -W "${options%% --*}" -- "$cur")
  elif [ "$command" = run ] && [ "$COMP_CWORD" -eq 2 ]; then
    mapfile -t COMPREPLY < <(compgen -W "auto $(_gtransformers_tasks)" -- "$cur")
  else
    compopt -o filenames
    mapfile -t COMPREPLY < <(compgen -f -- "$cur")
  fi
}

complete -F _gtransformers gtransformers

# Completes the command lines of token(1) in bash, with or without the package
# bash-completion. `token completions bash` prints this file.

_token() {
    # bash divides words at @, = and : as well; here they are put together again.
    local line=${COMP_LINE:0:COMP_POINT} words=() word blanks
    local -i index dashes=0
    for ((index = 0; index <= COMP_CWORD; index++)); do
        word=${COMP_WORDS[index]}
        blanks=${line%%[![:space:]]*}
        line=${line#"$blanks"}
        ((index == COMP_CWORD)) && word=$line
        if [[ -z $blanks && index -gt 0 ]]; then
            words[${#words[@]} - 1]+=$word
        else
            words+=("$word")
        fi
        line=${line#"$word"}
        [[ $word == -- && $dashes -eq 0 && index -lt COMP_CWORD ]] && dashes=index
    done
    local typed=${words[${#words[@]} - 1]}
    local -a before=("${words[@]:1:${#words[@]}-2}")
    typed=${typed#[\"\']}

    # bash replaces what follows the last = or :, or begins with the last @.
    local kept='' character
    for character in @ = :; do
        [[ $COMP_WORDBREAKS == *"$character"* && $typed == *"$character"* ]] || continue
        word=${typed%"${typed##*"$character"}"}
        [[ $character == @ ]] && word=${word%@}
        ((${#word} > ${#kept})) && kept=$word
    done

    local candidate
    COMPREPLY=()
    while IFS= read -r candidate; do
        case $candidate in
            $'\t'files) compopt -o bashdefault -o default 2>/dev/null ;;
            $'\t'directories) compopt -o dirnames 2>/dev/null ;;
            $'\t'command) _token_command "$((dashes + 1))" "$typed" ;;
            *)
                candidate=${candidate%%$'\t'*}
                [[ $candidate == "$typed"* ]] && COMPREPLY+=("${candidate#"$kept"}")
                ;;
        esac
    done < <(command token completions --candidates="$typed" -- "${before[@]}" 2>/dev/null)
}

# _token_command INDEX TYPED: what comes from the INDEXth word on is somebody else's command line.
_token_command() {
    if declare -F _comp_command_offset >/dev/null; then
        _comp_command_offset "$1"
    elif declare -F _command_offset >/dev/null; then
        _command_offset "$1"
    elif ((COMP_CWORD == $1)); then
        local IFS=$'\n'
        compopt -o filenames 2>/dev/null
        COMPREPLY=($(compgen -c -- "$2"))
    else
        compopt -o bashdefault -o default 2>/dev/null
    fi
}

complete -F _token token

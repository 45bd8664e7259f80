# shellcheck shell=bash
# Completes the commands of audit-cli in bash. Install it as
# /usr/share/bash-completion/completions/audit-cli

_audit_cli() {
    local word=${COMP_WORDS[COMP_CWORD]} first=1 words=
    [ "${COMP_WORDS[1]:-}" != --record-exit ] || first=2
    case ${COMP_WORDS[first]:-} in
        # bash-completion completes the rest as the command that it is.
        docker) [ "$COMP_CWORD" -le "$first" ] || { _command_offset "$first" && return; } ;;
        exec) [ "$COMP_CWORD" -le "$first" ] || { _command_offset $((first + 1)) && return; } ;;
        report)
            words="person denied running container host images process file session timeline export
                complete daily -ts -te -ul -vm -if --host --broker-user --docker --json"
            case " ${COMP_WORDS[*]} " in
                *" export "*) words="$words --csv --ecs --ocsf" ;;
                *" timeline "*) words="$words --html" ;;
            esac
            ;;
        emit) words="--type --op --field --res --receipt" ;;
        digest) words="--make-key" ;;
        doctor) words="--json" ;;
    esac
    if [ "$COMP_CWORD" -le "$first" ]; then
        words="docker exec run emit digest doctor report --record-exit --help --version"
    fi
    case ${COMP_WORDS[COMP_CWORD - 1]} in
        -if | --html | --docker) words= ;;
    esac
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
}
complete -o default -F _audit_cli audit-cli

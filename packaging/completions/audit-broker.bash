# shellcheck shell=bash
# Completes the commands of audit-broker in bash. Install it as
# /usr/share/bash-completion/completions/audit-broker

_audit_broker() {
    local word=${COMP_WORDS[COMP_CWORD]} place words=
    for ((place = 2; place < COMP_CWORD; place++)); do
        # bash-completion completes the rest as the command that it is.
        [ "${COMP_WORDS[place]}" != -- ] || { _command_offset $((place + 1)) && return; }
    done
    case ${COMP_WORDS[1]:-} in
        serve) words="--config" ;;
        check) words="--config --matrix" ;;
        explain) words="--config --user --group --uid --owner --request --" ;;
        learn) words="--config --user --since --until --input --denied --host" ;;
    esac
    [ "$COMP_CWORD" -ne 1 ] || words="serve check explain schema learn --help --version"
    case ${COMP_WORDS[COMP_CWORD - 1]} in
        --config | --request | --input) words= ;;
        --user | --owner)
            mapfile -t COMPREPLY < <(compgen -u -- "$word")
            return
            ;;
        --group)
            mapfile -t COMPREPLY < <(compgen -g -- "$word")
            return
            ;;
    esac
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
}
complete -o default -F _audit_broker audit-broker

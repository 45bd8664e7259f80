# shellcheck shell=bash
# Sourced by the programs in bash: runs the functions that the caller defines, one operation each.

# attempt OPERATION FUNCTION: runs the function in a shell of its own, and prints how it ended.
attempt() {
    local said
    set -o pipefail
    export -f "${2?}"
    if said=$(timeout 120 bash -e -o pipefail -c "$2" 2>&1 </dev/null | tr -d '\000'); then
        echo "ok $1"
    else
        echo "failed $1: $(tail -c 800 <<<"$said" | tr '\n' ' ')"
    fi
}

# The options of a container that does as little as possible.
export QUIET="--network none --init"

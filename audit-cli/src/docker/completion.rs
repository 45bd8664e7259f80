//! Which docker command lines only complete a line that the caller is still typing.
//!
//! Shells ask docker itself what could come next: `docker __complete run --net ""`. Docker answers on
//! standard output. With these words it can do nothing else: the rest is data to it, and it asks the
//! daemon for names only. The completion script of docker 20.10 calls `docker ps` and `docker info`
//! instead. Neither their words nor their environment tell such calls from those of the caller, so
//! they are commands like any other.
//!
//! # Source
//! `initCompleteCmd` in `completions.go` of spf13/cobra; `contrib/completion/bash/docker` of docker/cli
//! 20.10. bash does not export `COMP_LINE` to the commands of a completion function; see "Bash
//! Variables" in `bash(1)`.

/// The words that ask for completions, with and without a description of each.
const COMPLETION_WORDS: [&[u8]; 2] = [b"__complete", b"__completeNoDesc"];

/// Whether the words ask docker or compose for completions. The first word is the program itself.
///
/// The second word must ask for them. After an option such as `--config`, docker would first read what
/// the option names.
pub(crate) fn is_completion(words: &[Vec<u8>]) -> bool {
    words.get(1).is_some_and(|word| COMPLETION_WORDS.contains(&word.as_slice()))
}

#[cfg(test)]
mod tests {
    use super::super::words;
    use super::*;

    #[test]
    fn k12_only_the_second_word_makes_a_completion() {
        for line in
            ["docker __complete", "docker __completeNoDesc ps -f", "docker-compose __complete up"]
        {
            assert!(is_completion(&words(line)), "{line}");
        }
        for line in [
            "docker",
            "docker ps __complete",
            "docker -H tcp://h __complete ps",
            "docker --config /tmp __complete ps",
            "docker __Complete",
            "docker --__complete",
            "docker completion bash",
            "docker compose __complete up",
        ] {
            assert!(!is_completion(&words(line)), "{line}");
        }
    }
}

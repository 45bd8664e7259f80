//! The libraries as C sees them: installed, found by pkg-config, compiled against and run.

#![cfg(test)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The libraries that were built along with this test.
fn build_directory() -> PathBuf {
    std::env::current_exe().unwrap().parent().unwrap().to_owned()
}

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

fn run(command: &mut Command) -> Output {
    let output = command.output().unwrap();
    assert!(
        output.status.success(),
        "{command:?}: {}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    output
}

/// Installs into a directory of its own and gives it.
fn install(name: &str) -> PathBuf {
    let prefix = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&prefix);
    run(Command::new(repository().join("audit-capi/install.sh"))
        .args([&build_directory(), &prefix]));
    prefix
}

/// Compiles the example with the flags of pkg-config.
fn compile(prefix: &Path, more: &[&str]) -> PathBuf {
    let flags = run(Command::new("pkg-config")
        .args(["--cflags", "--libs", "audit_core"])
        .env("PKG_CONFIG_PATH", prefix.join("lib/pkgconfig")));
    let flags = String::from_utf8(flags.stdout).unwrap();
    let program = prefix.join("emit");
    run(Command::new("cc")
        .args(["-Wall", "-Wextra", "-Werror", "-std=c99", "-pedantic"])
        .args(more)
        .arg(repository().join("examples/emit.c"))
        .args(flags.split_whitespace())
        .arg("-o")
        .arg(&program));
    program
}

/// Without the privilege to write records the example must say so, with it it must succeed.
fn check(output: &Output) {
    let error = String::from_utf8_lossy(&output.stderr);
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let set = status.lines().find_map(|line| line.strip_prefix("CapEff:")).unwrap();
    let may_write = u64::from_str_radix(set.trim(), 16).unwrap() >> 29 & 1 == 1;
    if may_write {
        assert!(output.status.success(), "{error}");
    } else {
        assert_eq!(output.status.code(), Some(1));
        assert!(error.contains("CAP_AUDIT_WRITE") || error.contains("user namespace"), "{error}");
    }
}

#[test]
fn the_example_compiles_and_runs_with_the_shared_library() {
    let prefix = install("shared");
    let program = compile(&prefix, &[]);
    check(&Command::new(program).env("LD_LIBRARY_PATH", prefix.join("lib")).output().unwrap());
}

#[test]
fn the_example_compiles_and_runs_with_the_static_library() {
    let prefix = install("static");
    fs::remove_file(prefix.join("lib/libaudit_capi.so")).unwrap();
    let program = compile(&prefix, &[]);
    check(&Command::new(program).output().unwrap());
}

#[test]
fn wrong_calls_are_errors() {
    let prefix = install("wrong");
    let source = prefix.join("wrong.c");
    fs::write(&source, WRONG_CALLS).unwrap();
    let program = prefix.join("wrong");
    run(Command::new("cc")
        .arg(&source)
        .arg(format!("-I{}", prefix.join("include").display()))
        .arg(format!("-L{}", prefix.join("lib").display()))
        .args(["-laudit_capi", "-o"])
        .arg(&program));
    run(Command::new(program).env("LD_LIBRARY_PATH", prefix.join("lib")));
}

/// Names the first call that is not refused as it must be.
const WRONG_CALLS: &str = r#"
#include <stdio.h>
#include <string.h>
#include <audit_core.h>
#define EXPECT(code, call) do { \
    audit_core_code is = call; \
    if (is != code || (code != 0) != (*audit_core_error_text() != 0)) \
        return fprintf(stderr, "%s gave %d: %s\n", #call, is, audit_core_error_text()), 1; \
} while (0)
int main(void)
{
    audit_core_record *record;
    audit_core_handle *handle;
    const char *words[] = { "a", NULL };
    EXPECT(AUDIT_CORE_CODE_ARGUMENT, audit_core_open(NULL));
    EXPECT(AUDIT_CORE_CODE_OK, audit_core_open(&handle));
    EXPECT(AUDIT_CORE_CODE_ARGUMENT, audit_core_record_new(NULL, &record));
    EXPECT(AUDIT_CORE_CODE_ARGUMENT, audit_core_record_new("TEST", NULL));
    EXPECT(AUDIT_CORE_CODE_ARGUMENT, audit_core_record_new("\xff", &record));
    EXPECT(AUDIT_CORE_CODE_RECORD_TYPE, audit_core_record_new("1300", &record));
    EXPECT(AUDIT_CORE_CODE_OK, audit_core_record_new("TEST", &record));
    EXPECT(AUDIT_CORE_CODE_ARGUMENT, audit_core_record_word(NULL, "op", "x"));
    EXPECT(AUDIT_CORE_CODE_ARGUMENT, audit_core_record_word(record, NULL, "x"));
    EXPECT(AUDIT_CORE_CODE_ARGUMENT, audit_core_record_word(record, "op", NULL));
    EXPECT(AUDIT_CORE_CODE_ARGUMENT, audit_core_record_untrusted(record, "path", NULL, 1));
    EXPECT(AUDIT_CORE_CODE_ARGUMENT, audit_core_record_untrusted(record, "path", "x", (size_t)-1));
    EXPECT(AUDIT_CORE_CODE_ARGUMENT, audit_core_record_command_line(record, "cmd", NULL, 1));
    EXPECT(AUDIT_CORE_CODE_ARGUMENT, audit_core_record_command_line(record, "cmd", words, 2));
    EXPECT(AUDIT_CORE_CODE_ARGUMENT, audit_core_record_command_line(record, "cmd", words, (size_t)-1));
    EXPECT(AUDIT_CORE_CODE_OK, audit_core_record_untrusted(record, "path", NULL, 0));
    EXPECT(AUDIT_CORE_CODE_OK, audit_core_record_label(record, "vm-ctx", NULL));
    EXPECT(AUDIT_CORE_CODE_RECORD, audit_core_send(handle, record));
    EXPECT(AUDIT_CORE_CODE_OK, audit_core_record_outcome(record, true));
    EXPECT(AUDIT_CORE_CODE_OK, audit_core_record_number(record, "nosuch", 1));
    EXPECT(AUDIT_CORE_CODE_RECORD, audit_core_send(handle, record));
    EXPECT(AUDIT_CORE_CODE_ARGUMENT, audit_core_send(NULL, record));
    EXPECT(AUDIT_CORE_CODE_ARGUMENT, audit_core_send(handle, NULL));
    audit_core_record_free(record);
    audit_core_record_free(NULL);
    audit_core_close(handle);
    audit_core_close(NULL);
    return 0;
}
"#;

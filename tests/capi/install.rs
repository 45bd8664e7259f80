//! Installs the libraries, finds them with pkg-config, then compiles and runs C programs with them.

#![cfg(test)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The directory of the libraries that cargo built for this test.
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

/// Installs into an empty directory with this name, and returns the directory.
fn install(name: &str) -> PathBuf {
    let prefix = empty_directory(name);
    run(installer().args([&build_directory(), &prefix]));
    prefix
}

fn empty_directory(name: &str) -> PathBuf {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&directory);
    directory
}

fn installer() -> Command {
    let mut installer = Command::new(repository().join("audit-capi/install.sh"));
    installer.env_remove("DESTDIR").env_remove("LIBDIR");
    installer
}

/// The SONAME of this version.
const SONAME: &str = concat!("libaudit_capi.so.", env!("CARGO_PKG_VERSION_MAJOR"));

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

/// The example must succeed with the privilege to write records, and must report a missing privilege.
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
    for entry in fs::read_dir(prefix.join("lib")).unwrap() {
        let path = entry.unwrap().path();
        if path.to_str().unwrap().contains("libaudit_capi.so") {
            fs::remove_file(path).unwrap();
        }
    }
    let program = compile(&prefix, &[]);
    check(&Command::new(program).output().unwrap());
}

/// The names that the dynamic section gives for this tag, such as `SONAME` or `NEEDED`.
fn dynamic_names(file: &Path, tag: &str) -> Vec<String> {
    let section = run(Command::new("readelf").args(["-d", "-W"]).arg(file)).stdout;
    let section = String::from_utf8(section).unwrap();
    let lines = section.lines().filter(|line| line.contains(&format!("({tag})")));
    lines.map(|line| line.split(['[', ']']).nth(1).unwrap().to_owned()).collect()
}

#[test]
fn the_shared_library_has_a_soname_that_programs_record() {
    let prefix = install("soname");
    let library = prefix.join("lib/libaudit_capi.so");
    assert_eq!(dynamic_names(&library, "SONAME"), [SONAME]);
    let file = format!("libaudit_capi.so.{}", env!("CARGO_PKG_VERSION"));
    assert_eq!(fs::read_link(&library).unwrap(), Path::new(SONAME));
    assert_eq!(fs::read_link(prefix.join("lib").join(SONAME)).unwrap(), Path::new(&file));

    let program = compile(&prefix, &[]);
    assert!(dynamic_names(&program, "NEEDED").contains(&SONAME.to_owned()));
    // The program needs the SONAME, and not the name for the linker.
    fs::remove_file(library).unwrap();
    check(&Command::new(program).env("LD_LIBRARY_PATH", prefix.join("lib")).output().unwrap());
}

#[test]
fn the_installer_honours_libdir_and_destdir() {
    let root = empty_directory("libdir");
    run(installer()
        .arg(build_directory())
        .arg("/usr")
        .env("DESTDIR", &root)
        .env("LIBDIR", "/usr/lib64"));
    for file in ["lib64/libaudit_capi.so", "lib64/libaudit_capi.a", "include/audit_core.h"] {
        assert!(root.join("usr").join(file).exists(), "{file}");
    }
    assert!(!root.join("usr/lib").exists());
    let config = fs::read_to_string(root.join("usr/lib64/pkgconfig/audit_core.pc")).unwrap();
    assert!(config.contains("\nlibdir=/usr/lib64\n"), "{config}");
    assert!(config.contains(&format!("\nVersion: {}\n", env!("CARGO_PKG_VERSION"))), "{config}");

    let output = installer().args(["build", "/usr"]).env("LIBDIR", "lib64").output().unwrap();
    assert_eq!(output.status.code(), Some(2));
}

/// The lines of the blocks `sh capi` in audit-capi/README.md.
fn lines_of_the_readme() -> Vec<String> {
    let readme = fs::read_to_string(repository().join("audit-capi/README.md")).unwrap();
    let blocks = readme.split("```sh capi\n").skip(1);
    let lines = blocks.flat_map(|block| block.split("\n```").next().unwrap().lines());
    lines.map(str::to_owned).collect()
}

/// Runs the lines in a directory of their own, in which the project is what it is to a reader. cargo has
/// built the libraries for this test.
#[test]
fn k14_what_the_readme_says_to_type_works() {
    let directory = empty_directory("readme");
    fs::create_dir_all(directory.join("target")).unwrap();
    for name in ["audit-capi", "examples"] {
        std::os::unix::fs::symlink(repository().join(name), directory.join(name)).unwrap();
    }
    std::os::unix::fs::symlink(build_directory(), directory.join("target/release")).unwrap();
    let prefix = directory.join("local");
    let lines = lines_of_the_readme();
    assert!(lines.len() >= 4, "{lines:?}");
    for line in lines.iter().filter(|line| !line.starts_with("cargo build ")) {
        let line = line.replace("/usr/local", prefix.to_str().unwrap());
        run(Command::new("sh")
            .args(["-ec", &line])
            .current_dir(&directory)
            .env("PKG_CONFIG_PATH", prefix.join("lib/pkgconfig")));
    }
    assert!(directory.join("package/usr/lib64/libaudit_capi.so").exists());
    let program =
        Command::new(directory.join("emit")).env("LD_LIBRARY_PATH", prefix.join("lib")).output();
    check(&program.unwrap());
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

/// Prints the first call that does not return the expected code.
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
    audit_core_record_free(record);
    EXPECT(AUDIT_CORE_CODE_OK, audit_core_record_new("TEST", &record));
    EXPECT(AUDIT_CORE_CODE_OK, audit_core_record_outcome(record, true));
    EXPECT(AUDIT_CORE_CODE_ARGUMENT, audit_core_record_own(record, "image", NULL, 1));
    EXPECT(AUDIT_CORE_CODE_OK, audit_core_record_own(record, "image_uid", "x", 1));
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

//! The configuration file nobody has named: docs/config.md says when it counts.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Output};

use crate::tools::not_run;
use crate::tools::program::{NATSCOPE, bare};

fn command(home: &Path, named: Option<&Path>) -> Command {
    let mut command = bare(NATSCOPE);
    command.env_remove("NATSCOPE_CONFIG").env("XDG_CONFIG_HOME", home).args(["config", "show", "netcheck"]);
    if let Some(named) = named {
        command.env("NATSCOPE_CONFIG", named);
    }
    command
}

fn shown(home: &Path, named: Option<&Path>) -> Output {
    command(home, named).output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_usual_file_that_cannot_be_there_is_as_none() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("home");
    fs::write(&file, "").unwrap();
    for home in [file.as_path(), &directory.path().join("missing")] {
        let output = shown(home, None);
        assert!(output.status.success() && said(&output).is_empty(), "{}", said(&output));
    }
    let output = shown(&file, Some(&file.join("natscope.toml")));
    assert_eq!(output.status.code(), Some(64));
    assert!(said(&output).contains("cannot read the configuration file"), "{}", said(&output));
}

#[test]
fn a_usual_file_that_may_not_be_read_is_warned_of() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("natscope/natscope.toml");
    fs::create_dir(directory.path().join("natscope")).unwrap();
    fs::write(&file, "lang = 'zh-CN'").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o000)).unwrap();
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let run = |named| {
        let mut command = command(directory.path(), named);
        // Root may read everything; nobody may not.
        if fs::read(&file).is_ok() {
            command.uid(65534).gid(65534);
        }
        command.output()
    };
    let Ok(output) = run(None) else { return not_run("a user who may not read everything") };
    assert!(output.status.success(), "{}", said(&output));
    assert!(said(&output).contains("warning") && said(&output).contains("natscope.toml"), "{}", said(&output));
    assert_eq!(run(Some(&file)).unwrap().status.code(), Some(64));
}

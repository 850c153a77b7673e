//! Which files are written, which are spared, and what is said where nobody reads any more.

use std::fmt::Write as _;
use std::io::{PipeWriter, Read as _, Write as _, pipe};

use serde_json::json;

use super::{home, in_sandbox};
use crate::common::env::Running;
use crate::common::{Env, Reply, Vendor, get, post};

#[test]
fn one_file_by_two_names_is_refused_also_before_it_is_there() {
    let env = home();
    let asked = ["results", "--from", "newer.nessus", "-o", "csv=new.out", "-o", "json=./new.out"];
    let output = env.run(&asked).expect_code(2);
    assert!(output.stderr.contains("twice"), "{output}");
    assert_eq!(env.read("new.out"), None);
}

#[test]
fn a_report_that_is_read_is_not_replaced() {
    let env = home();
    let before = env.read("newer.nessus").unwrap();
    for asked in [
        &["results", "--from", "newer.nessus", "-o", "csv=./newer.nessus"][..],
        &["diff", "./older.nessus", "./newer.nessus", "-o", "json=newer.nessus"],
        &["diff", "./newer.nessus", "./older.nessus", "-o", "json=newer.nessus"],
    ] {
        let output = env.run(asked).expect_code(2);
        assert!(output.stderr.contains("newer.nessus is read, and would be replaced"), "{output}");
        assert_eq!(env.read("newer.nessus").unwrap(), before);
    }
    // A baseline that takes in what the gate has just found would be silent of it the next time.
    env.run(&["results", "--from", "older.nessus", "-o", "last.json"]).expect_code(0);
    let before = env.read("last.json");
    let roll = ["results", "--from", "newer.nessus", "--baseline", "./last.json", "--fail-on-new", "-o", "last.json"];
    for _ in 0..2 {
        let output = env.run(&roll).expect_code(2);
        assert!(output.stderr.contains("last.json is read, and would be replaced"), "{output}");
        assert_eq!(env.read("last.json"), before);
    }
}

#[test]
fn a_part_goes_when_the_whole_has_come_and_is_no_other_document() {
    let env = home();
    env.file("a.json.partial", "a part", 0o644);
    for asked in [
        &["results", "--from", "newer.nessus", "-o", "a.json", "-o", "csv=a.json.partial"][..],
        &["results", "--from", "newer.nessus", "-o", "csv=a.json.partial", "-o", "a.json"],
        &["results", "--from", "newer.nessus", "--baseline", "./a.json.partial", "-o", "a.json"],
    ] {
        env.run(asked).expect_code(2);
        assert_eq!((env.read("a.json"), env.read("a.json.partial").as_deref()), (None, Some("a part")));
    }
    env.run(&["results", "--from", "newer.nessus", "-o", "a.json"]).expect_code(0);
    assert!(env.read("a.json").is_some() && env.read("a.json.partial").is_none());
}

#[test]
fn a_file_that_may_not_be_written_is_not_replaced() {
    let env = home();
    let kept = env.file("kept.json", "kept", 0o444);
    // The superuser may write it all the same.
    let may = std::fs::File::options().write(true).open(kept).is_ok();
    let output = env.run(&["results", "--from", "newer.nessus", "-o", "kept.json"]);
    if may {
        output.expect_code(0);
    } else {
        let output = output.expect_code(2);
        assert!(output.stderr.contains("cannot write kept.json"), "{output}");
        assert_eq!(env.read("kept.json").as_deref(), Some("kept"));
    }
}

#[test]
fn what_can_be_read_once_is_named_once() {
    let env = home();
    for asked in [
        &["results", "--from", "-", "--from", "-"][..],
        &["results", "--from", "newer.nessus", "--from", "./newer.nessus"],
        &["results", "--from", "-", "--baseline", "file:-", "--fail-on-new"],
        &["diff", "file:-", "file:-"],
    ] {
        let output = env.run(asked).expect_code(2);
        assert!(output.stderr.contains("named twice"), "{output}");
        assert_eq!(output.stdout, "");
    }
}

#[test]
fn what_a_value_should_have_been_is_said() {
    let env = home();
    for (flag, value, hint) in [
        ("--columns", "plugn_id", "did you mean `plugin_id`?"),
        ("--columns", "core,nothing-like-it", "the columns are id, "),
        ("--severity", "urgent", "the severities are critical, high, medium, low, info"),
        ("--fail-on", "urgent", "the severities are critical, high, medium, low, info"),
        ("--host", "192.0.2.4/33", "write an address and how many bits of it count"),
    ] {
        let output = env.run(&["results", "--from", "newer.nessus", flag, value]).expect_code(2);
        assert!(output.stderr.contains(hint), "{output}");
    }
    let output = env.run(&["results", "--from", "newer.nessus", "-f", "csv", "--columns", "severity,core"]);
    assert!(output.expect_code(0).stdout.starts_with("severity,id,profile,"));
}

#[test]
fn strange_characters_are_told_of_in_the_same_words_whatever_is_written() {
    let env = home();
    let report = env.read("newer.nessus").unwrap().replacen("ReportHost name=\"", "ReportHost name=\"\u{1}", 1);
    env.file("strange.nessus", report.replacen("<plugin_output>", "<plugin_output>\u{2}\u{3}", 1), 0o644);
    for arguments in [["-f", "ndjson"], ["--columns", "core"]] {
        let output = env.run(&["results", "--from", "strange.nessus", arguments[0], arguments[1]]).expect_code(0);
        let told = "strange.nessus: characters that no report may hold were replaced by U+FFFD";
        assert!(output.stderr.contains(told), "{output}");
    }
}

#[test]
fn a_report_that_breaks_off_leaves_the_file_and_says_so_in_every_place() {
    let env = home();
    let whole = env.read("newer.nessus").unwrap();
    env.file("cut.nessus", &whole[..whole.len() / 2], 0o644);
    env.file("kept.json", "what was there", 0o644);
    let asked = ["results", "--from", "cut.nessus", "-o", "kept.json", "-o", "new.csv", "-o", "ndjson=-"];
    let output = env.run(&asked).expect_code(16);
    assert_eq!(env.read("kept.json").unwrap(), "what was there");
    assert_eq!(env.read("new.csv"), None);
    assert!(env.read("kept.json.partial").unwrap().trim_end().ends_with("\"complete\":false}"));
    assert!(env.read("new.csv.partial").unwrap().lines().count() > 1);
    assert_eq!(output.stdout.lines().last(), Some("{\"kind\":\"end\",\"complete\":false}"));
    assert!(output.stderr.contains(" (incomplete)"), "{output}");
    assert!(output.stderr.contains("kept.json.partial"), "{output}");
    // What has no place for it in the document says it beside it.
    for format in ["csv", "ocsf", "ocsf-array"] {
        let output = env.run(&["results", "--from", "cut.nessus", "-f", format]).expect_code(16);
        assert!(output.stderr.contains(" (incomplete)"), "{output}");
    }
    // Nobody knows what the rest has: the gate is told, and is not how it ends.
    let asked = ["results", "--from", "cut.nessus", "--fail-on", "low", "-o", "csv=/dev/null"];
    let output = env.run(&asked).expect_code(16);
    assert!(output.stderr.contains("warning: gate: "), "{output}");
    let whole = env.run(&["results", "--from", "newer.nessus", "-f", "ndjson"]).expect_code(0);
    assert!(!whole.stderr.contains("incomplete"), "{whole}");
}

#[test]
fn a_reader_that_goes_away_ends_the_call_without_a_word_and_files_and_gates_go_on() {
    let env = home();
    let program = env!("CARGO_BIN_EXE_scanctl");
    // The status of the first command of a pipe is not the shell's own.
    let first_line = |flags: &str| {
        let script = format!(
            "( '{program}' results --from newer.nessus -f ndjson {flags} 2>err; echo $? >code ) | head -n 1 >/dev/null"
        );
        let output = in_shell(&env, &script);
        assert_eq!(output, Some(0));
        (env.read("code").unwrap().trim().to_owned(), env.read("err").unwrap())
    };
    // More than a pipe holds, so that the reader is gone before the end.
    let text = env.read("newer.nessus").unwrap();
    let host = "<ReportHost ";
    let (head, hosts) = text.split_at(text.find(host).unwrap());
    let end = hosts.rfind("</ReportHost>").unwrap() + "</ReportHost>".len();
    env.file("newer.nessus", format!("{head}{}{}", hosts[..end].repeat(60), &hosts[end..]), 0o644);
    assert_eq!(first_line(""), ("0".to_owned(), String::new()));
    let (code, said) = first_line("--fail-on low");
    assert!(code == "10" && said.contains("{\"error\":{\"kind\":\"gate\","), "{code} {said}");
    let (code, said) = first_line("-o ndjson=- -o all.csv");
    assert!(code == "0" && !said.contains("incomplete"), "{code} {said}");
    assert!(env.read("all.csv").unwrap().lines().count() > 1000);
}

/// The exit code of a shell script in the home.
fn in_shell(env: &Env, script: &str) -> Option<i32> {
    let mut command = std::process::Command::new("sh");
    command.args(["-c", script]).env_clear().env("PATH", "/usr/bin:/bin").env("HOME", env.path("home"));
    command.current_dir(env.folder()).stdin(std::process::Stdio::null());
    command.status().expect("a shell").code()
}

#[test]
fn arguments_that_cannot_be_parsed_are_2_also_where_nobody_can_be_told() {
    let env = Env::new();
    let program = env!("CARGO_BIN_EXE_scanctl");
    for arguments in ["-f json lanch", "--log-format json launch --bogus", "lanch"] {
        assert_eq!(in_shell(&env, &format!("'{program}' {arguments} 2>/dev/full")), Some(2), "{arguments}");
    }
}

/// A report of this many hosts that has no end.
pub(super) fn endless(hosts: u32) -> String {
    let mut report = "<NessusClientData_v2><Report name=\"r\">".to_owned();
    for host in 0..hosts {
        let (high, low) = (host / 256, host % 256);
        write!(
            report,
            "<ReportHost name=\"10.0.{high}.{low}\"><ReportItem port=\"443\" svc_name=\"www\" protocol=\"tcp\" \
             severity=\"4\" pluginID=\"1001\" pluginName=\"Flaw\"/></ReportHost>"
        )
        .unwrap();
    }
    report
}

/// Starts the program with a report on stdin that stalls before its end, as long as the other end is open.
fn stalled(env: &Env, asked: &[&str], hosts: u32) -> (Running, PipeWriter) {
    let (from, mut to) = pipe().unwrap();
    let running = env.spawn_from(asked, from);
    // It may have enough before it has everything.
    let _enough = to.write_all(endless(hosts).as_bytes());
    (running, to)
}

/// The names of files that were never finished.
fn hidden(env: &Env) -> Vec<String> {
    let names = std::fs::read_dir(env.folder()).unwrap().map(|entry| entry.unwrap().file_name());
    names.map(|name| name.into_string().unwrap()).filter(|name| name.starts_with('.')).collect()
}

#[test]
fn a_full_disk_is_told_also_while_the_source_is_silent() {
    let env = home();
    for asked in [
        &["results", "--from", "-", "-o", "csv=/dev/full"][..],
        &["diff", "./older.nessus", "file:-", "-o", "ndjson=/dev/full"],
    ] {
        // More than is read at once, so that findings are written, and less than twice that, so that it waits for more.
        let (running, open) = stalled(&env, asked, 5_000);
        let output = running.wait().expect_code(1);
        assert!(output.stderr.contains("cannot write /dev/full"), "{output}");
        drop(open);
    }
}

#[test]
fn what_was_read_of_a_source_that_stalls_is_kept_on_a_signal() {
    let env = home();
    for asked in [
        &["results", "--from", "-", "-o", "ndjson=-", "-o", "kept.csv"][..],
        &["diff", "./older.nessus", "file:-", "-o", "ndjson=-", "-o", "kept.md"],
    ] {
        let name = asked.last().unwrap();
        let (running, open) = stalled(&env, asked, 20_000);
        running.until_stdout("10.0.9.1");
        running.interrupt();
        let output = running.wait().expect_code(130);
        assert_eq!(output.stdout.lines().last(), Some("{\"kind\":\"end\",\"complete\":false}"));
        assert!(output.stderr.contains(&format!("note: what was read is in {name}.partial")), "{output}");
        assert_eq!(env.read(name), None);
        assert!(env.read(&format!("{name}.partial")).unwrap().contains("Flaw"));
        assert_eq!(hidden(&env), Vec::<String>::new());
        drop(open);
    }
}

#[test]
fn what_reached_a_file_is_kept_on_a_signal_also_where_stdout_is_stuck() {
    let env = home();
    env.file("large.nessus", endless(20_000), 0o644);
    let (mut from, to) = pipe().unwrap();
    let asked = ["results", "--from", "large.nessus", "-o", "ndjson=-", "-o", "ndjson=kept"];
    let running = env.spawn_into(&asked, to);
    // Nobody reads any more than this.
    from.read_exact(&mut [0; 20_000]).unwrap();
    running.interrupt();
    let output = running.wait().expect_code(130);
    assert!(output.stderr.contains("note: what was read is in kept.partial"), "{output}");
    assert!(env.read("kept.partial").unwrap().contains("Flaw"));
    assert_eq!((env.read("kept"), hidden(&env)), (None, Vec::new()));
}

#[test]
fn what_reached_a_file_is_kept_on_a_second_signal_too() {
    let env = home();
    let (running, open) = stalled(&env, &["results", "--from", "-", "-o", "kept.csv", "-o", "ndjson=-"], 20_000);
    running.until_stdout("10.0.9.1");
    running.interrupt();
    running.terminate();
    let output = running.wait();
    // Which of them is the second one is the system's choice.
    assert!(matches!(output.code(), Some(130 | 143)), "{output}");
    assert!(env.read("kept.csv.partial").unwrap().contains("Flaw"));
    assert_eq!((env.read("kept.csv"), hidden(&env)), (None, Vec::new()));
    drop(open);
}

/// A Tenable.sc whose scanResult 8 has this file.
pub(super) fn with_file(env: &Env, file: &str) -> Vendor {
    let vendor = Vendor::start();
    env.profile("sc", "tenable-sc", &vendor.url(), "");
    let result = json!({ "id": "8", "name": "Weekly DMZ", "status": "Completed", "importStatus": "Finished",
        "createdTime": "1545177477", "startTime": "1545177479", "finishTime": "1545179449",
        "downloadAvailable": "true", "scan": { "id": "34", "name": "Weekly DMZ" } });
    let answer = json!({ "type": "regular", "response": result, "error_code": 0, "error_msg": "", "warnings": [],
        "timestamp": 1_545_177_480 });
    vendor.expect(get("/rest/scanResult/8").any_query().reply(Reply::json(200, &answer)));
    vendor.expect(post("/rest/scanResult/8/download").any_body().reply(Reply::text(200, file)));
    vendor
}

#[test]
fn what_came_of_the_vendors_bytes_is_kept_on_a_signal_where_stdout_is_stuck() {
    let env = Env::new();
    let _vendor = with_file(&env, &endless(20_000));
    let (mut from, to) = pipe().unwrap();
    let running = env.spawn_into(&["results", "sc/@8", "--raw", "-o", "json=kept", "-o", "-"], to);
    // Nobody reads any more than this.
    from.read_exact(&mut [0; 20_000]).unwrap();
    running.interrupt();
    let output = running.wait().expect_code(130);
    assert!(output.stderr.contains("note: what came is in kept.partial"), "{output}");
    assert!(env.read("kept.partial").unwrap().contains("Flaw"));
    assert_eq!((env.read("kept"), hidden(&env)), (None, Vec::new()));
}

#[test]
fn a_place_that_fails_leaves_the_others_their_bytes() {
    let env = Env::new();
    let whole = format!("{}</Report></NessusClientData_v2>", endless(3));
    let _vendor = with_file(&env, &whole);
    let output = env.run(&["results", "sc/@8", "--raw", "-o", "json=/dev/full", "-o", "json=whole", "-o", "-"]);
    assert!(output.stderr.contains("error: sc/@8: cannot write /dev/full"), "{output}");
    let output = output.expect_code(1);
    assert_eq!((output.stdout.as_str(), env.read("whole").as_deref()), (whole.as_str(), Some(whole.as_str())));
    assert_eq!(hidden(&env), Vec::<String>::new());
}

#[test]
fn a_file_that_the_program_was_started_with_keeps_what_stands_in_it() {
    let env = home();
    let program = env!("CARGO_BIN_EXE_scanctl");
    for (place, redirection) in [("/dev/stdout", ">>"), ("/proc/self/fd/1", ">>"), ("/dev/fd/3", "3>>"), ("link", ">>")]
    {
        env.file("app.csv", "HEADER\n", 0o644);
        let script = format!(
            "ln -sf /dev/stdout link && {{ '{program}' results --from newer.nessus -o csv={place} && echo FOOTER >>app.csv; }} \
             {redirection}app.csv 2>err"
        );
        assert_eq!(in_shell(&env, &script), Some(0), "{:?}", env.read("err"));
        let written = env.read("app.csv").unwrap();
        let lines: Vec<&str> = written.lines().collect();
        assert!(lines.len() > 10 && lines[1].starts_with("id,"), "{place}: {written}");
        assert_eq!((lines[0], lines[lines.len() - 1]), ("HEADER", "FOOTER"), "{place}");
    }
    // What is written behind the document stands behind it.
    let script =
        format!("{{ '{program}' results --from newer.nessus -o csv=/dev/stdout 2>err; echo FOOTER; }} >app.csv");
    assert_eq!(in_shell(&env, &script), Some(0));
    let written = env.read("app.csv").unwrap();
    assert!(written.starts_with("id,") && written.ends_with("\nFOOTER\n"), "{written}");
}

#[test]
fn an_older_file_is_read_again_through_the_handle_that_there_is_and_what_was_read_is_kept_where_that_fails() {
    let env = home();
    let asked = ["diff", "./older.nessus", "file:-", "-o", "ndjson=-", "-o", "json=dd.json"];
    let end = b"</Report></NessusClientData_v2>";
    let (running, mut to) = stalled(&env, &asked, 20_000);
    running.until_stdout("10.0.9.1");
    std::fs::remove_file(env.path("older.nessus")).unwrap();
    to.write_all(end).unwrap();
    drop(to);
    let output = running.wait().expect_code(0);
    assert!(output.stdout.contains("{\"change\":\"fixed\""), "{output}");
    assert!(env.read("dd.json").unwrap().trim_end().ends_with("\"complete\":true}"));

    let env = home();
    let (running, mut to) = stalled(&env, &asked, 20_000);
    running.until_stdout("10.0.9.1");
    env.file("older.nessus", "", 0o644);
    to.write_all(end).unwrap();
    drop(to);
    let output = running.wait().expect_code(16);
    assert!(output.stderr.contains("./older.nessus: the report is empty"), "{output}");
    assert_eq!(output.stdout.lines().last(), Some("{\"kind\":\"end\",\"complete\":false}"));
    assert!(env.read("dd.json").is_none() && env.read("dd.json.partial").unwrap().contains("Flaw"));
}

#[test]
fn raw_bytes_and_exports_are_files_of_the_vendors() {
    let env = Env::new();
    let output = in_sandbox(
        &env,
        "scanctl export io/219 -o a.nessus && scanctl results --from a.nessus -f json -o a.json && \
         scanctl results io/219 -f json -o b.json && scanctl results sc/@8 --raw -o c.zip && \
         scanctl results --from c.zip -f json -o c.json && scanctl results sc/@8 -f json -o d.json && \
         scanctl export io/219 --as html -o e.html",
    );
    output.expect_code(0);
    let ids = |name: &str| -> Vec<String> {
        let text = env.read(name).unwrap();
        let document: serde_json::Value = serde_json::from_str(&text).unwrap();
        document["items"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect()
    };
    assert!(!ids("a.json").is_empty());
    assert_eq!(ids("a.json"), ids("b.json"));
    assert_eq!(ids("c.json"), ids("d.json"));
    assert!(env.read("e.html").unwrap().contains("</html>"));
}

#[test]
fn an_export_is_what_its_name_says() {
    let env = Env::new();
    let script = "scanctl export io/219 -o weekly.PDF && scanctl export io/219 -o pdf=w2 && \
                  scanctl export io/219 --as nessus -o w3.docx && scanctl export io/219 -o w4 && \
                  scanctl export sc/@8 -o v2=w5.pdf && scanctl export io/219 --as csv -o csv=./a=b";
    in_sandbox(&env, script).expect_code(0);
    for (name, start) in
        [("weekly.PDF", "%PDF-"), ("w2", "%PDF-"), ("w3.docx", "<?xml"), ("w4", "<?xml"), ("a=b", "\"Plugin ID\"")]
    {
        assert!(env.read(name).unwrap().starts_with(start), "{name}");
    }
    assert!(env.read("w5.pdf").is_some() && env.read("pdf=w2").is_none());
    env.profile("io", "tenable-io", "http://127.0.0.1:9", "").profile("jsa", "juniper", "http://127.0.0.1:9", "");
    for (asked, said) in [
        (&["io/219", "-o", "weekly.docx"][..], "which format for weekly.docx?"),
        (&["io/219", "-o", "weekly.zip"], "which format for weekly.zip?"),
        (&["jsa/12", "-o", "hosts.pdf"], "which format for hosts.pdf?"),
        (&["io/219", "-o", "docx=weekly"], "no vendor makes a file called `docx`"),
        (&["io/219", "-o", "pdf=weekly", "--as", "html"], "two formats"),
    ] {
        let output = env.run(&[&["export"], asked].concat()).expect_code(2);
        assert!(output.stderr.contains(said), "{output}");
    }
    let output = env.run(&["export", "jsa/12", "-o", "pdf=hosts"]).expect_code(7);
    assert!(output.stderr.contains("cannot export as pdf"), "{output}");
}

#[test]
fn a_result_that_is_not_whole_is_refused_and_a_part_never_passes_for_the_whole() {
    let env = Env::new();
    in_sandbox(&env, "scanctl results io/231 -o a.json").expect_code(6);
    assert_eq!((env.read("a.json"), env.read("a.json.partial")), (None, None));
    in_sandbox(&env, "scanctl results io/231 --partial -o a.json").expect_code(11);
    assert!(env.read("a.json").is_none() && env.read("a.json.partial").is_some());
    // What is no advice there is not given there.
    let output = in_sandbox(&env, "scanctl diff sc/@9 sc/@10").expect_code(6);
    assert!(output.stderr.contains("hint: only whole results can be compared"), "{output}");
    assert!(!output.stderr.contains("--partial"), "{output}");
}

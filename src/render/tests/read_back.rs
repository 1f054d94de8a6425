//! Reports as inputs: what was saved or concluded, and files that are something else.

use super::*;

#[test]
fn what_was_saved_is_read_back() {
    let report = sample::saved();
    let (started_at, saved) = saved_from(&json_of(&report)).unwrap();
    assert_eq!(started_at, report.started_at);
    assert_eq!(Some(saved), report.saved);
}

#[test]
fn files_that_hold_no_record_say_what_is_missing() {
    assert_eq!(saved_from(&json!([])), Err(SavedError::NotAnObject));
    let error = saved_from(&json_of(&sample::healthy())).unwrap_err();
    assert_eq!(error, SavedError::Missing { key: "inputs" });
    assert!(error.to_string().contains("--save"), "{error}");
    let mutate = |pointer: &str, wrong: Value| {
        let mut mutated = json_of(&sample::saved());
        *mutated.pointer_mut(pointer).unwrap() = wrong;
        saved_from(&mutated).unwrap_err().to_string()
    };
    assert!(mutate("/schema", json!(7)).contains("schema 7"));
    assert!(mutate("/started_at", json!("soon")).starts_with("started_at: no RFC 3339 time"));
    assert_eq!(mutate("/probes", json!({})), "probes: a list is expected");
    let error = mutate("/observations/1/outcome", json!({ "outcome": "miracle" }));
    assert!(error.starts_with("observations[1]: unknown variant `miracle`"), "{error}");
    assert!(mutate("/ended_at_ms", json!(-4)).starts_with("ended_at_ms: "));
    assert_eq!(mutate("/further", json!({})), "further: a list is expected");
    assert_eq!(mutate("/further/0/probes", json!(1)), "further[0].probes: a list is expected");
    assert!(mutate("/further/0/turns", json!("lix")).starts_with("further[0].turns: 'x' is no turn"));
    let other: Value = json!({ "schema": SCHEMA_NUMBER, "UDP": true });
    assert_eq!(saved_from(&other), Err(SavedError::Missing { key: "started_at" }));
}

/// What decides a prediction comes back as it was; what does not is not read.
#[test]
fn conclusions_are_read_back() {
    let hosts = samples().into_iter().filter(|(_, report)| report.predict.is_none() && report.doctor.is_none());
    for (name, report) in hosts {
        for (format, redact) in [(Format::Json, false), (Format::JsonLine, true)] {
            let text = render(&report, format, &Style { redact, ..Style::default() });
            let read = conclusions_from(&text).unwrap();
            assert_eq!(read.record.is_some(), report.saved.is_some(), "{name}");
            let wanted = if redact { redact::redact(&report) } else { report.clone() };
            let read = read.report;
            assert_eq!((read.command, read.redacted), (wanted.command, redact), "{name}");
            for (read, wanted) in [(&read.nat_v4, &wanted.nat_v4), (&read.nat_v6, &wanted.nat_v6)] {
                assert_eq!(read.is_some(), wanted.is_some(), "{name}");
                let Some((read, wanted)) = read.as_ref().zip(wanted.as_ref()) else { continue };
                assert_eq!(read.difficulty.value(), wanted.difficulty.value(), "{name}");
                assert_eq!(read.difficulty.confidence(), wanted.difficulty.confidence(), "{name}");
                assert_eq!(read.effective.value(), wanted.effective.value(), "{name}");
                assert_eq!(read.filtering.value(), wanted.filtering.value(), "{name}");
                assert_eq!(read.port_allocation.value(), wanted.port_allocation.value(), "{name}");
                assert_eq!(read.pooling.value(), wanted.pooling.value(), "{name}");
                assert_eq!(read.carrier_grade.value(), wanted.carrier_grade.value(), "{name}");
                assert_eq!((&read.mapped, &read.local), (&wanted.mapped, &wanted.local), "{name}");
            }
            let Some((read, wanted)) = read.netcheck.zip(wanted.netcheck) else { continue };
            assert_eq!(read.udp.value(), wanted.udp.value(), "{name}");
            assert_eq!((read.router.gateway, read.router.wan_is_mapped_address), {
                (wanted.router.gateway, wanted.router.wan_is_mapped_address)
            });
            assert_eq!((read.path.tunnel, read.path.fake_dns), (wanted.path.tunnel, wanted.path.fake_dns), "{name}");
            for (read, wanted) in [(&read.ipv4, &wanted.ipv4), (&read.ipv6, &wanted.ipv6)] {
                assert_eq!(read.usable.value(), wanted.usable.value(), "{name}");
                assert_eq!((read.global.value(), &read.local), (wanted.global.value(), &wanted.local), "{name}");
            }
        }
    }
}

#[test]
fn of_several_reports_the_last_counts() {
    let line = |report: &Report| render(report, Format::JsonLine, &Style::default());
    let text = line(&sample::healthy()) + &line(&sample::udp_blocked());
    assert!(conclusions_from(&text).unwrap().report.netcheck.unwrap().udp.is_false());
    // An error is counted from the top of the file.
    let broken = line(&sample::healthy()) + "\n" + &line(&sample::saved()).replacen("\"schema\":1", "\"schema\":7", 1);
    let error = conclusions_from(&broken).unwrap_err();
    assert_eq!((error.line, error.column), (3, 1), "{error}");
    assert!(error.problem.contains("schema 7"), "{error}");
}

#[test]
fn what_is_no_report_of_a_host_is_told_with_its_place() {
    let refused = |text: &str| conclusions_from(text).unwrap_err();
    let says = |text: &str, place: (usize, usize), wanted: &str| {
        let NotAReport { line, column, problem } = refused(text);
        assert!((line, column) == place && problem.contains(wanted), "{line}:{column}: {problem}\nnot {wanted}");
    };
    says("", (1, 1), "empty");
    says(" \n ", (1, 1), "empty");
    says("a letter", (1, 1), "not JSON");
    says("[1]", (1, 1), "a JSON object is expected");
    says("3", (1, 1), "a JSON object is expected");
    says("{}", (1, 1), "key \"schema\" is missing");
    let foreign = |report: &Report, format| render(report, format, &Style::default());
    says(&foreign(&sample::healthy(), Format::TailscaleJson), (1, 1), "`tailscale netcheck`");
    says(&foreign(&sample::predicted_direct(), Format::Json), (1, 1), "`natscope predict` has found");
    says("{\"tool\": {}, \"plan\": []}", (1, 1), "a plan of --dry-run");
    says("\n{\"Regions\": {}}", (2, 1), "a DERP map");

    let mut connections = sample::easy_nat();
    connections.nat_v4.as_mut().unwrap().transport = crate::model::Transport::Tcp;
    says(&foreign(&connections, Format::Json), (1, 1), "about the mapping of TCP");
    let mut proxied = sample::easy_nat();
    proxied.nat_v4.as_mut().unwrap().proxy = Some("192.0.2.1:1080".to_owned());
    says(&foreign(&proxied, Format::Json), (1, 1), "the NAT of the proxy 192.0.2.1:1080");

    let whole = foreign(&sample::healthy(), Format::Json);
    let spoil = |from: &str, to: &str| {
        assert!(whole.contains(from), "{from}");
        let NotAReport { line, column, problem } = refused(&whole.replacen(from, to, 1));
        assert!(line > 1 && column > 1, "{from}: {line}:{column}: {problem}");
        problem
    };
    assert!(spoil("\"easy\"", "\"moderate\"").contains("unknown variant `moderate`, expected one of `none`, `easy`"));
    assert!(spoil("\"value\": true", "\"value\": \"yes\"").contains("expected a boolean"));
    assert!(spoil("\"confidence\": \"high\"", "\"confidence\": null").contains("no confidence"));
    assert!(spoil("\"mapped\": [", "\"mapped\": [\"nowhere\",").contains("socket address"));
    assert!(
        spoil("\"local\": [", &format!("\"local\": [{}", "\"10.0.0.1\",".repeat(5_000))).contains("more than 4096")
    );
    assert!(
        spoil("\"ipv6\": {\n      \"difficulty\"", "\"ipv7\": {\n      \"difficulty\"")
            .contains("missing field `ipv6`")
    );
    for cut in 0..whole.len().min(3_000) {
        if whole.is_char_boundary(cut) {
            let error = refused(&whole[..cut]);
            assert!(error.line >= 1 && error.column >= 1);
        }
    }
    let deep = format!("{{\"schema\": {}", "[".repeat(200_000));
    assert!(!refused(&deep).problem.is_empty());
    let closed = format!("{{\"schema\": {}{}}}", "[".repeat(200_000), "]".repeat(200_000));
    assert!(refused(&closed).problem.contains("recursion limit"), "{}", refused(&closed));
}

//! What documents show of proxies is what the doctor prints, which is tried with the proxies (`tests/doctor/proxies.rs`).

use std::path::Path;

fn text(path: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

/// The lines of a literal of the sources, without how they are indented.
fn literal(source: &str, begin: &str) -> Vec<String> {
    let from = source.find(begin).unwrap_or_else(|| panic!("no {begin}"));
    let mut literal = String::new();
    let mut chars = source[from..].chars();
    while let Some(c) = chars.next() {
        match c {
            '"' => break,
            '\\' => match chars.next().unwrap() {
                'n' => literal.push('\n'),
                // A line that goes on, and its indentation.
                '\n' => {}
                other => literal.push(other),
            },
            other => literal.push(other),
        }
    }
    let lines = literal.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
    lines.filter(|line| !line.is_empty()).collect()
}

#[test]
fn proxies_are_set_up_as_the_doctor_says() {
    let source = text("src/render/catalogue/snippet.rs");
    let nginx = literal(&source, "location /derp {");
    let caddy: Vec<String> = ["relay.example.com {", "reverse_proxy 127.0.0.1:3340", "}"].map(str::to_owned).into();
    assert!(nginx.len() == 10 && source.contains(r"{host} {{\n    reverse_proxy 127.0.0.1:3340\n}}"), "{nginx:?}");
    for page in ["README.md", "README.zh-CN.md", "docs/relay.md"] {
        let lines: Vec<String> =
            text(page).lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
        for wanted in [&nginx, &caddy] {
            let there = lines.windows(wanted.len()).any(|window| window == wanted.as_slice());
            assert!(there, "{page} does not have: {wanted:#?}");
        }
    }
}

//! A plan: what a run would ask, without asking.

use comfy_table::{ContentArrangement, LineStyle, Table, TableStyle};

use super::clean::clean;
use super::{Format, Style, catalogue, json};
use crate::report::Plan;

/// No lines but one below the header.
const UNDERLINED: TableStyle = TableStyle::new().header_separator(LineStyle::none().fill('─'));

/// The plan: a table with a line for each step, or JSON with an object for each. [`Format::TailscaleJson`] and
/// [`Format::Html`] have no form for it; the arguments refuse them.
#[must_use]
pub fn plan(plan: &Plan, format: Format, style: &Style) -> String {
    match format {
        Format::Table | Format::Html => table(plan, style),
        Format::Markdown => format!("```text\n{}```\n", table(plan, style)),
        Format::Json | Format::TailscaleJson => json::render_plan(plan, false),
        Format::JsonLine => json::render_plan(plan, true),
    }
}

fn table(plan: &Plan, style: &Style) -> String {
    let words = catalogue::of(style.lang);
    let mut table = Table::new();
    table.load_style(UNDERLINED).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_width(u16::try_from(style.width).unwrap_or(u16::MAX).max(40)).force_no_tty();
    table.set_header(words.plan_header());
    for step in &plan.steps {
        let copies = if step.copies == 0 { String::new() } else { format!("{}×", step.copies) };
        table.add_row([clean(&words.plan_when(step.when)), copies, clean(&words.plan_what(&step.what))]);
    }
    let mut text = table.trim_fmt();
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::model::RegionId;
    use crate::report::{PlanStep, PlanWhat, PlanWhen};

    #[test]
    fn steps_say_when_and_what() {
        let server = "192.0.2.1:3478".parse().unwrap();
        let steps = vec![
            PlanStep {
                when: PlanWhen::AtOnce,
                copies: 3,
                what: PlanWhat::Stun { region: RegionId(901), node: "901a".to_owned(), server },
            },
            PlanStep {
                when: PlanWhen::UdpSilent { after: Duration::from_millis(100) },
                copies: 1,
                what: PlanWhat::Icmp,
            },
        ];
        let both = Plan { steps };
        let text = plan(&both, Format::Table, &Style::default());
        insta::assert_snapshot!(text, @r"
         When                  Copies  What
        ───────────────────────────────────────────────────────────────────────────
         at once               3×      STUN: region 901, node 901a, 192.0.2.1:3478
         UDP silent at 100 ms  1×      ICMP echo to the first node of each region
        ");
        let fenced = plan(&both, Format::Markdown, &Style::default());
        assert_eq!(fenced, format!("```text\n{text}```\n"));
        let line = plan(&both, Format::JsonLine, &Style::default());
        assert_eq!(line.lines().count(), 1);
        let value: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(
            value["plan"],
            serde_json::json!([
                {"when": "at_once", "after_ms": null, "copies": 3, "what": "stun", "region": 901, "node": "901a",
                 "server": "192.0.2.1:3478", "text": "STUN: region 901, node 901a, 192.0.2.1:3478"},
                {"when": "udp_silent", "after_ms": 100.0, "copies": 1, "what": "icmp",
                 "text": "ICMP echo to the first node of each region"},
            ])
        );
    }
}

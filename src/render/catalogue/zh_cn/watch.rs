use std::time::Duration;

use crate::render::catalogue::{WatchWord, WatchWords};
use crate::render::number::span;

impl WatchWords for super::Chinese {
    fn watch_word(&self, word: WatchWord) -> &'static str {
        match word {
            WatchWord::Changes => "变化",
            WatchWord::NoChange => "暂无",
            WatchWord::FirstRun => "正在生成第一份报告。",
            WatchWord::Paused => "已暂停",
            WatchWord::Quit => "退出",
            WatchWord::Pause => "暂停",
            WatchWord::Resume => "继续",
            WatchWord::Measure => "立即测量",
            WatchWord::Scroll => "滚动",
            WatchWord::Help => "帮助",
            WatchWord::Back => "返回",
            WatchWord::QuitHelp => "退出，也可按 Ctrl-C",
            WatchWord::PauseHelp => "暂停：再按一次 p 之前不会自动开始测量",
            WatchWord::MeasureHelp => "立即测量，除非距上次测量开始的时间太短",
            WatchWord::ScrollHelp => "滚动区域列表",
            WatchWord::PageHelp => "翻页，以及跳到开头或末尾",
            WatchWord::HelpHelp => "显示本帮助，再按返回",
            WatchWord::HistoryHelp => "每次测量一格，最新的在最后，高度为往返时间（HTTPS 的会更长）；× 表示没有测得",
            WatchWord::LossHelp => "丢包：STUN 往返丢失的比例，最多按最近 240 次测量计算",
            WatchWord::UnknownHelp => "?：未能确定并附原因，绝不等于“否”；完整原因见 natscope netcheck",
            WatchWord::ChangesHelp => "变化：各次报告之间的不同，时间为 UTC；仅往返时间变化不算",
        }
    }

    fn measuring(&self, answered: usize, of: usize) -> String {
        if of == 0 { "测量中".to_owned() } else { format!("测量中：{answered}/{of}") }
    }

    fn next_run(&self, wait: Duration) -> String {
        format!("{} 后测量", span(wait))
    }

    fn too_early(&self, wait: Duration) -> String {
        format!("太早：{} 后可按 r", span(wait))
    }

    fn regions_shown(&self, first: usize, last: usize, of: usize) -> String {
        if first == 1 && last == of {
            format!("区域：{of}")
        } else {
            format!("区域：{first}–{last}，共 {of}")
        }
    }

    fn how_often(&self, every: Duration, again: Duration) -> String {
        format!("每 {} 开始一次测量；按 r 时须距上次开始至少 {}", span(every), span(again))
    }
}

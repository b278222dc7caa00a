//! Every colour that writes can be read on everything it is written on, in light, in dark and on paper.

use std::collections::HashMap;

use cloakroom_showdown::report::html;

use super::sample::sample;

/// WCAG 2.2, success criterion 1.4.3.
const READABLE: f64 = 4.5;

#[test]
fn words_can_be_read() {
    let source = html(&sample(1));
    let themes: Vec<HashMap<&str, f64>> = source.split(":root {").skip(1).map(theme).collect();
    assert_eq!(themes.len(), 3);
    for theme in themes {
        for ground in ["--page", "--card", "--note", "--tint"] {
            for ink in ["--ink", "--soft", "--cloakroom", "--classic"] {
                let contrast = contrast(theme[ink], theme[ground]);
                assert!(contrast >= READABLE, "{ink} on {ground}: {contrast:.2}");
            }
        }
    }
}

/// The colours of a theme, as luminances.
fn theme(css: &str) -> HashMap<&str, f64> {
    let block = css.split('}').next().unwrap_or_default();
    block
        .split(';')
        .filter_map(|rule| rule.split_once(": #"))
        .map(|(name, hex)| (name.trim(), luminance(hex)))
        .collect()
}

fn luminance(hex: &str) -> f64 {
    let doubled: String = hex.chars().flat_map(|digit| [digit, digit]).collect();
    let hex = if hex.len() == 3 { doubled.as_str() } else { hex };
    let channel = |at: usize| {
        let value = f64::from(u8::from_str_radix(&hex[at..at + 2], 16).expect("a colour")) / 255.0;
        if value <= 0.040_45 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
    };
    0.2126 * channel(0) + 0.7152 * channel(2) + 0.0722 * channel(4)
}

fn contrast(one: f64, other: f64) -> f64 {
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

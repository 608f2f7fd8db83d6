//! Colours of plots.

use super::figure::{Colour, Stroke};

/// Red, green, blue.
pub(super) type Rgb = [u8; 3];

/// The colours of a plot.
#[derive(Debug, Clone, Copy)]
pub struct Palette {
    background: Rgb,
    text: Rgb,
    muted: Rgb,
    grid: Rgb,
    tones: [Rgb; 4],
}

/// Dark on light. The tones are from the Okabe-Ito palette, which colour-blind people can tell apart.
pub const LIGHT: Palette = Palette {
    background: [0xff, 0xff, 0xff],
    text: [0x1f, 0x23, 0x28],
    muted: [0x65, 0x6d, 0x76],
    grid: [0xe4, 0xe8, 0xec],
    tones: [
        [0x00, 0x72, 0xb2],
        [0xd5, 0x5e, 0x00],
        [0x00, 0x9e, 0x73],
        [0xc0, 0x44, 0x8f],
    ],
};
/// Light on dark.
pub const DARK: Palette = Palette {
    background: [0x16, 0x1b, 0x22],
    text: [0xe6, 0xed, 0xf3],
    muted: [0x91, 0x98, 0xa1],
    grid: [0x2d, 0x33, 0x3b],
    tones: [
        [0x58, 0xa6, 0xff],
        [0xff, 0x8c, 0x4b],
        [0x3f, 0xc7, 0x9a],
        [0xe5, 0x8b, 0xc4],
    ],
};

impl Palette {
    /// A colour; there are four tones, and then they begin again.
    pub(super) const fn of(&self, colour: Colour) -> Rgb {
        match colour {
            Colour::Background => self.background,
            Colour::Text => self.text,
            Colour::Muted => self.muted,
            Colour::Grid => self.grid,
            Colour::Tone(number) => self.tones[number % self.tones.len()],
        }
    }
}

impl Colour {
    /// All there are.
    const ALL: [Self; 8] = [
        Self::Background,
        Self::Text,
        Self::Muted,
        Self::Grid,
        Self::Tone(0),
        Self::Tone(1),
        Self::Tone(2),
        Self::Tone(3),
    ];

    /// The class of what is filled with it, on a page that has [`style`]'s rules.
    #[must_use]
    pub const fn fill_class(self) -> &'static str {
        match self {
            Self::Background => "back-fill",
            Self::Text => "text-fill",
            Self::Muted => "muted-fill",
            Self::Grid => "grid-fill",
            Self::Tone(number) => ["t0-fill", "t1-fill", "t2-fill", "t3-fill"][number % 4],
        }
    }

    /// The class of lines in it.
    pub(super) const fn line_class(self) -> &'static str {
        match self {
            Self::Background => "back-line",
            Self::Text => "text-line",
            Self::Muted => "muted-line",
            Self::Grid => "grid-line",
            Self::Tone(number) => ["t0-line", "t1-line", "t2-line", "t3-line"][number % 4],
        }
    }
}

impl Stroke {
    /// The class of lines that are drawn so.
    pub(super) const fn class(self) -> &'static str {
        match self {
            Self::Thin => "thin",
            Self::Thick => "thick",
            Self::Dashed => "dashed",
        }
    }
}

/// Rules of style for plots in some colours.
#[must_use]
pub fn style(palette: &Palette) -> String {
    let mut rules = String::new();
    for colour in Colour::ALL {
        let [red, green, blue] = palette.of(colour);
        let (fill, line) = (colour.fill_class(), colour.line_class());
        rules.push_str(&format!(
            ".{fill}{{fill:#{red:02x}{green:02x}{blue:02x}}}\
             .{line}{{fill:none;stroke:#{red:02x}{green:02x}{blue:02x}}}"
        ));
    }
    for stroke in [Stroke::Thin, Stroke::Thick, Stroke::Dashed] {
        let (class, width) = (stroke.class(), stroke.width());
        rules.push_str(&format!(
            ".{class}{{stroke-width:{width};stroke-linejoin:round}}"
        ));
    }
    let [drawn, left_out] = Stroke::DASHES;
    rules + &format!(".dashed{{stroke-dasharray:{drawn} {left_out}}}")
}

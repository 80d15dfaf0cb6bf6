//! The sizes a film is offered in, by the short side of the picture as shown.

/// Short sides that only give a small film a choice at all.
const SMALL: [u32; 4] = [240, 180, 144, 96];
const AT_LEAST: usize = 2;

/// A size in pixels, both sides even.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    pub width: u32,
    pub height: u32,
}

impl Size {
    pub fn short(self) -> u32 {
        self.width.min(self.height)
    }

    /// This picture with another short side, both sides even.
    #[must_use]
    pub fn scaled(self, short: u32) -> Self {
        let side = |side: u32| {
            let scaled = u64::from(side) * u64::from(short) / u64::from(self.short().max(1));
            let even = scaled.div_ceil(2).max(1) * 2;
            u32::try_from(even).unwrap_or(u32::MAX)
        };
        Self {
            width: side(self.width),
            height: side(self.height),
        }
    }

    fn even(self) -> Self {
        Self {
            width: (self.width & !1).max(2),
            height: (self.height & !1).max(2),
        }
    }
}

/// The sizes to encode, largest first, of those wanted (short sides, largest first). Never larger than
/// the film as shown; when its own size is copied, only smaller ones.
pub fn encoded(shown: Size, top_is_copied: bool, wanted: &[u32]) -> Vec<Size> {
    let largest = wanted.first().copied().unwrap_or(u32::MAX);
    let mut rungs = Vec::new();
    let mut below = worth_below(shown);
    if !top_is_copied {
        let top = shown.even();
        let top = if top.short() > largest {
            shown.scaled(largest)
        } else {
            top
        };
        below = below.min(worth_below(top));
        rungs.push(top);
    }
    let fitting = wanted.iter().filter(|short| **short <= below);
    rungs.extend(fitting.map(|short| shown.scaled(*short)));
    let smallest = wanted.last().copied().unwrap_or(0);
    for short in SMALL {
        if short <= below && short < smallest && rungs.len() < AT_LEAST.min(wanted.len()) {
            rungs.push(shown.scaled(short));
        }
    }
    rungs
}

/// A rung that saves less than a sixth of the short side is not worth its bytes.
pub fn worth_below(top: Size) -> u32 {
    top.short() * 5 / 6
}

/// The most bits a second that a rung may take: 5 Mbit/s at 1080p, less than in proportion to the
/// pixels below, more at high frame rates.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a few million, from positive factors"
)]
pub fn max_rate(size: Size, frames_a_second: f64) -> u32 {
    let pixels = f64::from(size.width) * f64::from(size.height);
    let base = 5_000_000.0 * (pixels / (1920.0 * 1080.0)).powf(0.75);
    let fast = if frames_a_second > 40.0 { 1.4 } else { 1.0 };
    (base * fast).max(100_000.0) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    const USUAL: [u32; 5] = [1080, 720, 480, 360, 240];

    fn shorts(width: u32, height: u32, copied: bool, wanted: &[u32]) -> Vec<u32> {
        let rungs = encoded(Size { width, height }, copied, wanted);
        rungs.iter().map(|rung| rung.short()).collect()
    }

    #[test]
    fn ladders_fit_the_source() {
        for (width, height, copied, expected) in [
            (1920, 1080, false, &[1080, 720, 480, 360, 240][..]),
            (1920, 1080, true, &[720, 480, 360, 240]),
            (3840, 2160, false, &[1080, 720, 480, 360, 240]),
            (1280, 720, true, &[480, 360, 240]),
            (1080, 1920, false, &[1080, 720, 480, 360, 240]),
            (640, 272, true, &[180, 144]),
            (640, 272, false, &[272, 180]),
            (641, 361, false, &[360, 240]),
            (160, 120, false, &[120, 96]),
            (64, 64, false, &[64]),
        ] {
            let found = shorts(width, height, copied, &USUAL);
            assert_eq!(found, expected, "{width}x{height}");
        }
    }

    #[test]
    fn the_operator_chooses_the_sizes() {
        for (width, height, copied, wanted, expected) in [
            (1920, 1080, false, &[720][..], &[720][..]),
            (1920, 1080, true, &[720], &[720]),
            (3840, 2160, false, &[2160, 1440, 540], &[2160, 1440, 540]),
            (1280, 720, false, &[2160, 1440, 540], &[720, 540]),
            (640, 360, false, &[720], &[360]),
            (640, 360, true, &[720], &[240]),
            (640, 360, true, &[720, 480], &[240, 180]),
        ] {
            let found = shorts(width, height, copied, wanted);
            assert_eq!(found, expected, "{width}x{height} of {wanted:?}");
        }
    }

    #[test]
    fn sides_are_even_and_shapes_stay() {
        let rungs = encoded(
            Size {
                width: 1279,
                height: 533,
            },
            false,
            &USUAL,
        );
        assert!(
            rungs
                .iter()
                .all(|rung| rung.width % 2 == 0 && rung.height % 2 == 0)
        );
        assert_eq!(
            rungs[1],
            Size {
                width: 864,
                height: 360
            }
        );
    }

    #[test]
    fn rates_grow_with_the_picture() {
        let full = max_rate(
            Size {
                width: 1920,
                height: 1080,
            },
            25.0,
        );
        let small = max_rate(
            Size {
                width: 640,
                height: 360,
            },
            25.0,
        );
        assert_eq!(full, 5_000_000);
        assert!((900_000..1_100_000).contains(&small), "{small}");
    }
}

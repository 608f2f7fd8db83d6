//! dlib's tiled pyramid: a picture at many scales, side by side in one picture, so that a network
//! sees all of them at once.
//!
//! The layout is that of `create_tiled_pyramid`: levels below each other at the left edge, and from
//! the bottom upwards at the right edge where there is room.

use facepipe_core::types::Size;

/// Pixels between tiles (the value that the detector's file implies).
const PADDING: i64 = 10;
/// Pixels around all tiles (the value that the detector's file implies).
const OUTER_PADDING: i64 = 11;
/// Levels lower than this are left out, in pixels.
const MIN_HEIGHT: i64 = 5;
/// Each level has five sixths of the sides of the previous one.
const RATIO: (i64, i64) = (5, 6);

/// The position of a level of the pyramid in the tiled picture, in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tile {
    /// First column.
    pub left: i64,
    /// First row.
    pub top: i64,
    /// Columns.
    pub width: i64,
    /// Rows.
    pub height: i64,
}

impl Tile {
    /// Squared distance of a point from the tile's pixels; 0 inside.
    fn distance(&self, [x, y]: [f64; 2]) -> f64 {
        let beyond = |value: f64, start: i64, length: i64| {
            let (first, last) = (start as f64, (start + length - 1) as f64);
            (first - value).max(value - last).max(0.0)
        };
        let dx = beyond(x, self.left, self.width);
        let dy = beyond(y, self.top, self.height);
        dx * dx + dy * dy
    }

    fn overlaps(&self, other: &Self) -> bool {
        self.left < other.left + other.width
            && other.left < self.left + self.width
            && self.top < other.top + other.height
            && other.top < self.top + self.height
    }
}

/// The layout for pictures of one size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TiledPyramid {
    /// Columns of the tiled picture.
    pub width: i64,
    /// Rows of the tiled picture.
    pub height: i64,
    /// The levels, largest first: the first is the picture itself.
    pub tiles: Vec<Tile>,
}

impl TiledPyramid {
    /// The layout for a picture of this size, which must not be empty.
    #[must_use]
    pub fn new(picture: Size) -> Self {
        let mut tiles = levels(picture);
        let (width, first_height) = (tiles[0].width, tiles[0].height);
        let height = first_column_height(&tiles);
        let mut placed = 0;
        let mut y = OUTER_PADDING;
        while y < height && placed < tiles.len() {
            tiles[placed].left = OUTER_PADDING;
            tiles[placed].top = y;
            y += tiles[placed].height + PADDING;
            placed += 1;
        }
        y -= PADDING;
        let picture = Tile {
            left: OUTER_PADDING,
            top: OUTER_PADDING,
            width,
            height: first_height,
        };
        while placed < tiles.len() {
            let tile = &mut tiles[placed];
            tile.left = OUTER_PADDING + width - tile.width;
            tile.top = y - tile.height;
            if tile.overlaps(&picture) {
                break;
            }
            y -= tile.height + PADDING;
            placed += 1;
        }
        tiles.truncate(placed);
        Self {
            width: width + 2 * OUTER_PADDING,
            height: height + 2 * OUTER_PADDING,
            tiles,
        }
    }

    /// The position in the picture of a point of the tiled picture, by the tile that `centre` is in
    /// or nearest to.
    #[must_use]
    pub fn to_picture(&self, centre: [f64; 2], point: [f64; 2]) -> [f64; 2] {
        let centre = centre.map(f64::round);
        let distances = self.tiles.iter().map(|tile| tile.distance(centre));
        let nearest = distances
            .enumerate()
            .min_by(|(_, a), (_, b)| a.total_cmp(b));
        let level = nearest.map_or(0, |(level, _)| level);
        let tile = &self.tiles[level];
        let mut point = [point[0] - tile.left as f64, point[1] - tile.top as f64];
        for _ in 0..level {
            // Where dlib's pyramid of this ratio puts a smaller level's pixels.
            point = point.map(|coordinate| coordinate * 1.2 + 0.3);
        }
        point
    }
}

/// The sizes of all levels, not yet placed.
fn levels(picture: Size) -> Vec<Tile> {
    let level = |width: i64, height: i64| Tile {
        left: 0,
        top: 0,
        width,
        height,
    };
    let (mut width, mut height) = (i64::from(picture.width), i64::from(picture.height));
    let mut levels = vec![level(width, height)];
    loop {
        (width, height) = (width * RATIO.0 / RATIO.1, height * RATIO.0 / RATIO.1);
        if width == 0 || height < MIN_HEIGHT {
            return levels;
        }
        levels.push(level(width, height));
    }
}

/// Rows that the tiles at the left edge take: until the next one fits beside the one above it and
/// what is left fits at the right edge.
fn first_column_height(tiles: &[Tile]) -> i64 {
    let first = tiles[0];
    let total: i64 = tiles.iter().map(|tile| tile.height + PADDING).sum();
    let total = total - 2 * PADDING;
    let (mut height, mut previous_width) = (0, 0);
    for tile in tiles {
        let fits_beside = tile.width <= first.width - previous_width - PADDING;
        let rest_fits = (height - first.height) * 2 >= total - first.height;
        if fits_beside && rest_fits {
            break;
        }
        height += tile.height + PADDING;
        previous_width = tile.width;
    }
    height - PADDING
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiles_lie_inside_and_apart() {
        for (width, height) in [(640, 480), (480, 640), (64, 48), (16, 300), (1440, 804)] {
            let pyramid = TiledPyramid::new(Size::new(width, height));
            assert_eq!((pyramid.tiles[0].left, pyramid.tiles[0].top), (11, 11));
            assert!(pyramid.tiles.len() > 3);
            for (index, tile) in pyramid.tiles.iter().enumerate() {
                assert!(tile.left >= 11 && tile.left + tile.width <= pyramid.width - 11);
                assert!(tile.top >= 11 && tile.top + tile.height <= pyramid.height - 11);
                for other in &pyramid.tiles[..index] {
                    assert!(
                        !tile.overlaps(other),
                        "{width}x{height}: {tile:?} {other:?}"
                    );
                }
            }
        }
    }

    #[test]
    fn points_find_their_way_back() {
        let pyramid = TiledPyramid::new(Size::new(640, 480));
        assert_eq!(pyramid.to_picture([60.0, 70.0], [61.0, 73.0]), [50.0, 62.0]);
        let second = pyramid.tiles[1];
        let corner = [second.left as f64, second.top as f64];
        assert_eq!(pyramid.to_picture(corner, corner), [0.3, 0.3]);
        assert_eq!((second.width, second.height), (533, 400));
    }
}

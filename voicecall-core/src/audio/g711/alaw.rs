//! A-law, the law of Europe and most of the world.

/// The code of the level next to zero, which is what a silent line carries.
pub const SILENCE: u8 = 0xD5;

/// Every second bit is inverted on the line so that a quiet one still shows transitions.
const TOGGLE: u8 = 0x55;

/// Indexed by the 12 bits of a sample that decide, as an unsigned number.
static ENCODE: [u8; 1 << 12] = encode_table();
static DECODE: [i16; 256] = decode_table();

/// Compresses one linear sample.
#[must_use]
pub fn encode(sample: i16) -> u8 {
    ENCODE[usize::from(sample.cast_unsigned() >> 4)]
}

/// Expands one code to a linear sample between -32256 and 32256; A-law has no zero.
#[must_use]
pub fn decode(code: u8) -> i16 {
    DECODE[usize::from(code)]
}

/// Compresses each sample of `samples` into `codes`.
///
/// # Panics
///
/// When the slices differ in length.
pub fn encode_slice(samples: &[i16], codes: &mut [u8]) {
    super::convert(samples, codes, encode);
}

/// Expands each code of `codes` into `samples`.
///
/// # Panics
///
/// When the slices differ in length.
pub fn decode_slice(codes: &[u8], samples: &mut [i16]) {
    super::convert(codes, samples, decode);
}

/// A code is sign (1 = positive), segment and step within it.
const fn compress(magnitude: u16, negative: bool) -> u8 {
    // The first two segments have the same step; above, each doubles it.
    let code = if magnitude < 32 {
        magnitude as u8
    } else {
        let segment = magnitude.ilog2() - 3;
        ((segment as u8) << 4) | ((magnitude >> (segment - 1)) & 0x0F) as u8
    };
    if negative { code ^ TOGGLE } else { (code | 0x80) ^ TOGGLE }
}

const fn expand(code: u8) -> i16 {
    let plain = code ^ TOGGLE;
    let segment = (plain >> 4) & 0x07;
    let step = (plain & 0x0F) as i16;
    // Twice the step plus one is the middle of the interval, in units of half a step.
    let magnitude = match segment {
        0 => 2 * step + 1,
        _ => (2 * step + 33) << (segment - 1),
    };
    let sample = magnitude << 3;
    if code < 0x80 { -sample } else { sample }
}

const fn encode_table() -> [u8; 1 << 12] {
    let mut table = [0; 1 << 12];
    let mut magnitude = 0;
    while magnitude < 1 << 11 {
        table[magnitude] = compress(magnitude as u16, false);
        // One's complement: the sample -1 has magnitude 0, and so on.
        table[(1 << 12) - 1 - magnitude] = compress(magnitude as u16, true);
        magnitude += 1;
    }
    table
}

const fn decode_table() -> [i16; 256] {
    let mut table = [0; 256];
    let mut code = 0;
    while code < table.len() {
        table[code] = expand(code as u8);
        code += 1;
    }
    table
}

//! Mu-law, the law of North America, Japan and Twilio's media streams.

/// The code of +0, which is what a silent line carries.
pub const SILENCE: u8 = 0xFF;

/// Added to a 14-bit magnitude so that every segment begins at a power of two.
const BIAS: u16 = 33;

/// Indexed by the 14 significant bits of a sample as an unsigned number.
static ENCODE: [u8; 1 << 14] = encode_table();
static DECODE: [i16; 256] = decode_table();

/// Compresses one linear sample.
#[must_use]
pub fn encode(sample: i16) -> u8 {
    ENCODE[usize::from(sample.cast_unsigned() >> 2)]
}

/// Expands one code to a linear sample between -32124 and 32124.
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

/// A code is sign (1 = positive), segment and step within it, with the last two inverted so that
/// a quiet line still shows transitions.
const fn compress(magnitude: u16, negative: bool) -> u8 {
    let biased = magnitude + BIAS;
    let biased = if biased > 0x1FFF { 0x1FFF } else { biased };
    // The bias guarantees a bit at position 5 or above.
    let segment = biased.ilog2() - 5;
    let step = (biased >> (segment + 1)) & 0x0F;
    let code = ((segment as u8) << 4) | step as u8;
    if negative { code ^ 0x7F } else { code ^ 0xFF }
}

const fn expand(code: u8) -> i16 {
    let inverted = !code;
    let segment = (inverted >> 4) & 0x07;
    let step = (inverted & 0x0F) as i16;
    // The middle of the interval, then from 14 bits to 16.
    let magnitude = ((2 * step + BIAS as i16) << segment) - BIAS as i16;
    let sample = magnitude << 2;
    if code < 0x80 { -sample } else { sample }
}

// The tables are loops of a few branches per entry: far below the two million at which the
// compiler warns about long constant evaluation.
const fn encode_table() -> [u8; 1 << 14] {
    let mut table = [0; 1 << 14];
    let mut magnitude = 0;
    while magnitude < 1 << 13 {
        table[magnitude] = compress(magnitude as u16, false);
        // One's complement: the sample -1 has magnitude 0, and so on.
        table[(1 << 14) - 1 - magnitude] = compress(magnitude as u16, true);
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

// A hidden layer with its neurons, or the sums of a readout: what integer.py computes in numpy,
// sample by sample. Either events, entries that are not zero, add rows of weights to the sums of
// the positions that read them, or, where that takes longer, all entries are multiplied.
// What is divided and what fires are eight neurons at a time; divisions are in floats in which
// every step is exact (quotients.py), or corrected by the exact remainder.
#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <thread>
#include <vector>
#if defined(__SSE2__)
#include <immintrin.h>
#endif

namespace {

constexpr int64_t LANES = 32; // of 16 bits: a row of weights is padded to them
constexpr int64_t EIGHT = 8;  // neurons at a time: theirs are padded to them
typedef uint16_t Shorts __attribute__((vector_size(64)));
typedef int16_t HalfShorts __attribute__((vector_size(32)));
typedef uint16_t HalfUnsigned __attribute__((vector_size(32)));
typedef int32_t Words __attribute__((vector_size(64)));
typedef int32_t HalfWords __attribute__((vector_size(32)));
typedef uint8_t Bytes __attribute__((vector_size(8)));
typedef double Doubles __attribute__((vector_size(64)));
typedef int64_t Longs __attribute__((vector_size(64)));
constexpr int64_t SIGN = std::numeric_limits<int64_t>::min(), EXPONENT = 0x7FF0000000000000;
constexpr int64_t ONE = 0x3FF0000000000000; // the pattern of 1.0
#if defined(__AVX512VNNI__)
constexpr int64_t QUAD_COST = 1; // instructions for four products to a word
#else
constexpr int64_t QUAD_COST = 3;
#endif
[[maybe_unused]] constexpr int64_t SHORTS = 256, PATTERN_SHIFT = 37; // as in kernel.py

enum Method { NONE, TABLE, EXACT, LOGARITHM };     // as in kernel.py
enum Reset { SUBTRACT, ZERO, VALUE, KEEP };        // likewise
enum Delay { PROMPT, LATE_RESET, LATE_SPIKE };     // likewise

} // namespace

extern "C" {

// What kernel.py fills in; arrays have the shapes that stand beside them, the last axis dense.
// Arrays of (n_e,) and of (n_i, n_e) go on, up to `padded` neurons, with zeros; thresholds with
// what is never reached, divisors with ones.
struct LayerCall {
    int64_t batch, given, steps; // given: steps of x, or 1 of what does not change
    int64_t channels, height, width;
    int64_t kernel, stride, padding, out_height, out_width;
    int64_t n_e, n_i;  // n_i: of a factored layer, else 0
    int64_t padded;    // n_e, up to a multiple of EIGHT
    int64_t columns;   // of a row of weights
    int64_t flush;     // events whose products 16 bits hold
    int64_t binary;    // entries are spikes
    int64_t is_signed; // weights have either sign
    int64_t bytes, run, word_columns; // of an entry in `words`; words of a kernel's row; columns
    int64_t method;      // of the division
    int64_t by_floor;    // zero divisors are replaced by `floor`, not by the smallest
    int64_t below, mask; // of the mantissa's bits (quotients.py)
    int64_t least;       // pattern
    int64_t is_general;  // neurons are not those of (A10)
    int64_t leak, reset, delay, is_above, max_spikes, synapse_fraction;
    int64_t membrane_limit;
    int64_t pool; // spikes side by side that are added up
    int64_t threads;
    double current_limit;
    const uint8_t *x;           // (given, batch, height, width, channels)
    const int16_t *weights;     // (kernel, kernel, channels, columns)
    const uint8_t *words;       // (kernel, run, word_columns, 4) bytes: weights of as many entries
                                // side by side as have four bytes, or null
    const double *up;           // (n_e,) what P is multiplied by
    const double *through;      // (n_i, n_e) W_EI in units of NUM; where it is divided, (n_i,
                                // n_e / EIGHT, 2, EIGHT), W_EI times gains in units of DEN behind
    const double *den_unit;     // (n_e,) what DEN of a folded layer is multiplied by
    const double *instead;      // (n_e,) what divides in place of DEN, or null
    const int64_t *patterns;    // (mask + 1,)
    const uint16_t *shorts;     // (SHORTS,) patterns as 2^PATTERN_SHIFT of them above `least`, or null
    const double *floor;        // (n_e,)
    const int32_t *bias;        // (n_e,)
    const int32_t *threshold;   // (n_e,)
    const int32_t *leaks;       // (n_e,) of general neurons, `leak` their fraction
    const int32_t *synapse;     // (n_e,) likewise, or null
    const int32_t *rest, *low;  // (n_e,) v_reset and v_min, or null
    int32_t *membranes;         // (batch, positions, n_e), before and after, or null: from rest
    int32_t *synapses;          // likewise
    uint8_t *spikes;            // (steps, batch, positions, n_e), or null
    uint8_t *pooled;            // (steps, batch, positions / pool^2, n_e), sums of them, or null
    int32_t *inhibition;        // (given, batch, positions, n_i), or null
    double *numerators;         // (given, batch, positions, n_e) of a readout, or null
    int64_t *counts;            // (3,): zero divisors, saturated currents, saturated membranes
};
}

namespace {

template <typename Vector, typename Number> inline Vector loaded(const Number *from)
{
    Vector v;
    std::memcpy(&v, from, sizeof v);
    return v;
}

// The sums of a sample's step, position by position: P and S, or NUM and DEN of a folded layer.
class Sums {
  public:
    explicit Sums(const LayerCall &call)
        : c(call), pixels(c.height * c.width), across(c.width + 2 * c.padding),
          pitch(across * c.channels * c.bytes),
          sums(std::max(c.columns, c.word_columns) + LANES), inhibition(c.n_i + EIGHT)
    {
        if (c.words != nullptr) {
            const int64_t down = c.height + 2 * c.padding, behind = c.kernel * (across + 1);
            entries.resize(pitch * down + 4 * c.run);
            for (std::vector<uint8_t> *flags : {&in_pixel, &in_row, &in_window}) {
                flags->resize(across * down + behind);
            }
            for (int64_t i = 0; i < c.kernel * c.run; ++i) {
                offsets.push_back(i / c.run * pitch + 4 * (i % c.run));
            }
        }
    }

    void read(const uint8_t *x)
    {
        is_dense = c.words != nullptr && is_mostly_events(x);
        if (is_dense) {
            c.bytes == 1 ? copy<uint8_t>(x) : copy<uint16_t>(x);
        } else {
            list(x);
        }
    }

    // Return S of a position whose sums were found.
    const double *inhibited()
    {
        for (int64_t j = 0; j < c.n_i; j += EIGHT) { // what lies behind n_i is not read
            const HalfWords eight = loaded<HalfWords>(sums.data() + c.n_e + j);
            const Doubles converted = __builtin_convertvector(eight, Doubles);
            std::memcpy(inhibition.data() + j, &converted, sizeof converted);
        }
        return inhibition.data();
    }

    // Return the sums of a position, or null where there is nothing but zeros.
    const int32_t *at(int64_t y, int64_t x)
    {
        const int64_t row = y * c.stride, column = x * c.stride;
        if (is_dense) {
            if (in_window[row * across + column] == 0) {
                return nullptr;
            }
            const uint8_t *from = entries.data() + row * pitch + column * c.channels * c.bytes;
            c.bytes == 1 ? multiply_all<1>(from) : multiply_all<2>(from);
            return sums.data();
        }
        const int64_t top = row - c.padding, left = column - c.padding;
        const bool any = c.binary ? add_up_all<true>(top, left) : add_up_all<false>(top, left);
        return any ? sums.data() : nullptr;
    }

  private:
    // Whether multiplying all entries of a window takes fewer vector instructions than adding
    // the rows of as many events as one has on average.
    bool is_mostly_events(const uint8_t *x) const
    {
        const int64_t all = pixels * c.channels;
        int64_t count = 0;
        for (int64_t i = 0; i < all; ++i) {
            count += x[i] != 0 ? 1 : 0;
        }
        const int64_t of_event = c.columns / 16 + 2 + (c.flush < 8 ? 8 : 0);
        const int64_t of_word = c.word_columns / 16 * (c.bytes == 1 ? QUAD_COST : 2);
        const int64_t entries_read = c.kernel * c.kernel * c.channels;
        const int64_t dense = int64_t(offsets.size()) * of_word - 12 * c.kernel;
        return count * entries_read * of_event > all * dense;
    }

    // Copy all entries, with zeros around them, and see which windows have any that is not zero.
    template <typename Entry> void copy(const uint8_t *x)
    {
        const int64_t of_row = c.width * c.channels, size = across * (c.height + 2 * c.padding);
        for (int64_t y = 0; y < c.height; ++y) {
            const int64_t first = (y + c.padding) * across + c.padding;
            uint8_t *to = entries.data() + first * c.channels * int64_t(sizeof(Entry));
            for (int64_t i = 0; i < of_row; ++i) {
                const Entry entry = x[y * of_row + i];
                std::memcpy(to + i * int64_t(sizeof entry), &entry, sizeof entry);
            }
            for (int64_t i = 0; i < c.width; ++i) {
                const uint8_t *pixel = x + y * of_row + i * c.channels;
                uint8_t any = 0;
                for (int64_t k = 0; k < c.channels; ++k) {
                    any |= pixel[k];
                }
                in_pixel[first + i] = any;
            }
        }
        for (int64_t i = 0; i < size; ++i) {
            uint8_t any = 0;
            for (int64_t k = 0; k < c.kernel; ++k) {
                any |= in_pixel[i + k];
            }
            in_row[i] = any;
        }
        for (int64_t i = 0; i < size; ++i) {
            uint8_t any = 0;
            for (int64_t k = 0; k < c.kernel; ++k) {
                any |= in_row[i + k * across];
            }
            in_window[i] = any;
        }
    }

    // List the entries that are not zero, pixel by pixel.
    void list(const uint8_t *x)
    {
        first.resize(pixels + 1);
        events.resize(pixels * c.channels + 1);
        value.resize(pixels * c.channels + 1);
        int64_t count = 0;
        for (int64_t p = 0; p < pixels; ++p) {
            first[p] = count;
            const uint8_t *pixel = x + p * c.channels;
            const int64_t begin = p % c.width * c.channels;
            for (int64_t i = 0; i < c.channels; ++i) { // without a branch, which would be missed
                events[count] = int32_t((begin + i) * c.columns);
                value[count] = pixel[i];
                count += pixel[i] != 0 ? 1 : 0;
            }
        }
        first[pixels] = count;
    }

    template <bool BINARY> bool add_up_all(int64_t top, int64_t left)
    {
        const int64_t from = std::max<int64_t>(left, 0), to = std::min(left + c.kernel, c.width);
        const int64_t below = std::max<int64_t>(top, 0);
        const int64_t above = std::min(top + c.kernel, c.height);
        int64_t count = 0;
        for (int64_t y = below; y < above && from < to; ++y) {
            count += first[y * c.width + to] - first[y * c.width + from];
        }
        if (count == 0) {
            return false;
        }
        const bool all = count <= c.flush;
        int64_t at = 0;
        for (; at + 4 * LANES <= c.columns; at += 4 * LANES) {
            add_up<BINARY, 4>(all, below, above, top, left, from, to, at);
        }
        switch ((c.columns - at) / LANES) {
        case 3: add_up<BINARY, 3>(all, below, above, top, left, from, to, at); break;
        case 2: add_up<BINARY, 2>(all, below, above, top, left, from, to, at); break;
        case 1: add_up<BINARY, 1>(all, below, above, top, left, from, to, at); break;
        default: break;
        }
        return true;
    }

    // Add up `BLOCKS` vectors of columns, from `at` on, of one position.
    template <bool BINARY, int BLOCKS>
    void add_up(bool all, int64_t below, int64_t above, int64_t top, int64_t left, int64_t from,
                int64_t to, int64_t at)
    {
        Shorts sum[BLOCKS] = {};
        Words low[BLOCKS] = {}, high[BLOCKS] = {};
        int64_t room = c.flush;
        const int64_t columns = c.columns, channels = c.channels;
        for (int64_t y = below; y < above; ++y) {
            const int16_t *rows =
                c.weights + ((y - top) * c.kernel - left) * channels * columns + at;
            int64_t e = first[y * c.width + from];
            const int64_t end = first[y * c.width + to];
            while (e < end) {
                const int64_t until = all ? end : std::min(end, e + room);
                room -= until - e;
                for (; e < until; ++e) {
                    const int16_t *row = rows + events[e];
                    for (int b = 0; b < BLOCKS; ++b) {
                        const Shorts weights = loaded<Shorts>(row + b * LANES);
                        sum[b] += BINARY ? weights : weights * value[e];
                    }
                }
                if (room == 0 && !all) {
                    room = c.flush;
                    for (int b = 0; b < BLOCKS; ++b) {
                        widen(sum[b], low[b], high[b]);
                    }
                }
            }
        }
        for (int b = 0; b < BLOCKS; ++b) {
            widen(sum[b], low[b], high[b]);
            std::memcpy(sums.data() + at + b * LANES, &low[b], sizeof low[b]);
            std::memcpy(sums.data() + at + b * LANES + LANES / 2, &high[b], sizeof high[b]);
        }
    }

    void widen(Shorts &sum, Words &low, Words &high) const
    {
        if (c.is_signed) {
            HalfShorts halves[2];
            std::memcpy(halves, &sum, sizeof sum);
            low += __builtin_convertvector(halves[0], Words);
            high += __builtin_convertvector(halves[1], Words);
        } else {
            HalfUnsigned halves[2];
            std::memcpy(halves, &sum, sizeof sum);
            low += __builtin_convertvector(halves[0], Words);
            high += __builtin_convertvector(halves[1], Words);
        }
        sum = Shorts{};
    }

    template <int BYTES> void multiply_all(const uint8_t *x)
    {
        constexpr int64_t WORDS = LANES / 2;
        int64_t at = 0;
        for (; at + 6 * WORDS <= c.word_columns; at += 6 * WORDS) {
            multiply<BYTES, 6>(x, at);
        }
        switch ((c.word_columns - at) / WORDS) { // many sums at once hide how long a product takes
        case 5: multiply<BYTES, 5>(x, at); break;
        case 4: multiply<BYTES, 4>(x, at); break;
        case 3: multiply<BYTES, 3>(x, at); break;
        case 2: multiply<BYTES, 2>(x, at); break;
        case 1: multiply<BYTES, 1>(x, at); break;
        default: break;
        }
    }

    template <int BYTES, int BLOCKS> void multiply(const uint8_t *x, int64_t at)
    {
        Words sum[BLOCKS] = {};
        const uint8_t *weights = c.words + 4 * at;
        const int64_t columns = 4 * c.word_columns;
        for (const int64_t offset : offsets) {
            int32_t word;
            std::memcpy(&word, x + offset, sizeof word);
            for (int b = 0; b < BLOCKS; ++b) {
                const Words of_block = loaded<Words>(weights + b * sizeof(Words));
                if (BYTES == 1) {
                    add_four(sum[b], Words{} + word, of_block);
                } else {
                    add_two(sum[b], Words{} + word, of_block);
                }
            }
            weights += columns;
        }
        for (int b = 0; b < BLOCKS; ++b) {
            std::memcpy(sums.data() + at + b * LANES / 2, &sum[b], sizeof sum[b]);
        }
    }

    // Add products of 16 bits, two to a word.
    static void add_two(Words &sum, const Words &x, const Words &weights)
    {
#if defined(__AVX512BW__)
        sum += Words(_mm512_madd_epi16(__m512i(x), __m512i(weights)));
#elif defined(__AVX2__)
        __m256i a[2], b[2];
        HalfWords products[2];
        std::memcpy(a, &x, sizeof a);
        std::memcpy(b, &weights, sizeof b);
        for (int i = 0; i < 2; ++i) {
            products[i] = HalfWords(_mm256_madd_epi16(a[i], b[i]));
        }
        sum += loaded<Words>(products);
#else
        sum += (x << 16 >> 16) * (weights << 16 >> 16) + (x >> 16) * (weights >> 16);
#endif
    }

    // Add products of 8 bits, four to a word; of entries below 64, whose pairs 16 bits hold.
    static void add_four(Words &sum, const Words &x, const Words &weights)
    {
#if defined(__AVX512VNNI__)
        sum = Words(_mm512_dpbusd_epi32(__m512i(sum), __m512i(weights), __m512i(x)));
#elif defined(__AVX512BW__)
        const __m512i pairs = _mm512_maddubs_epi16(__m512i(weights), __m512i(x));
        sum += Words(_mm512_madd_epi16(pairs, _mm512_set1_epi16(1)));
#elif defined(__AVX2__)
        __m256i a[2], b[2];
        HalfWords products[2];
        std::memcpy(a, &x, sizeof a);
        std::memcpy(b, &weights, sizeof b);
        for (int i = 0; i < 2; ++i) {
            const __m256i pairs = _mm256_maddubs_epi16(b[i], a[i]);
            products[i] = HalfWords(_mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
        }
        sum += loaded<Words>(products);
#else
        for (int i = 0; i < 32; i += 8) {
            sum += (x >> i & 0xFF) * (weights >> i & 0xFF);
        }
#endif
    }

    const LayerCall &c;
    const int64_t pixels, across, pitch; // across: pixels of a row of `entries`, pitch: its bytes
    bool is_dense = false;
    std::vector<int64_t> first;   // event of a pixel; one more than there are pixels
    std::vector<int32_t> events;  // where the weights of a column of pixels and a channel begin
    std::vector<uint16_t> value;  // of an event
    std::vector<uint8_t> entries; // all of them, with zeros around
    std::vector<uint8_t> in_pixel, in_row, in_window; // whether there is any, from there on
    std::vector<int64_t> offsets;                     // of the words that a position reads
    std::vector<int32_t> sums;
    std::vector<double> inhibition;
};

// What happened to eight neurons at a time, lane by lane; a truth is -1.
struct Counts {
    Longs zeros = {}, currents = {};
    HalfWords membranes = {}; // of one sample
};

inline bool any_of(const Longs &truths)
{
#if defined(__AVX512F__)
    return _mm512_test_epi64_mask(__m512i(truths), __m512i(truths)) != 0;
#else
    int64_t any = 0;
    for (int i = 0; i < EIGHT; ++i) {
        any |= truths[i];
    }
    return any != 0;
#endif
}

inline bool any_at_least(const Longs &x, const Longs &least)
{
#if defined(__AVX512F__)
    return _mm512_cmpge_epi64_mask(__m512i(x), __m512i(least)) != 0;
#else
    return any_of(x >= least);
#endif
}

inline bool any_zero(const Doubles &x)
{
#if defined(__AVX512F__)
    return _mm512_cmp_pd_mask(__m512d(x), __m512d{}, _CMP_EQ_OQ) != 0;
#else
    return any_of(x == Doubles{});
#endif
}

// NUM and DEN of eight neurons.
struct Balance {
    Doubles num, den;
};

// Find NUM, and where it is asked for DEN, of `BLOCKS` times eight neurons from `n` on.
template <bool DIVIDES, int BLOCKS>
inline void balance(const LayerCall &c, const int32_t *sums, const double *inhibition, int64_t n,
                    Balance *found)
{
    Doubles num[BLOCKS], den[BLOCKS] = {};
    for (int b = 0; b < BLOCKS; ++b) {
        num[b] = __builtin_convertvector(loaded<HalfWords>(sums + n + b * EIGHT), Doubles) *
                 loaded<Doubles>(c.up + n + b * EIGHT);
    }
    const int64_t apart = (DIVIDES ? 2 : 1) * c.padded;
    const double *weights = c.through + (DIVIDES ? 2 : 1) * n;
    for (int64_t j = 0; j < c.n_i; ++j, weights += apart) {
        for (int b = 0; b < BLOCKS; ++b) {
            const double *of_block = weights + (DIVIDES ? 2 : 1) * b * EIGHT;
            num[b] -= loaded<Doubles>(of_block) * inhibition[j];
            if (DIVIDES) {
                den[b] += loaded<Doubles>(of_block + EIGHT) * inhibition[j];
            }
        }
    }
    for (int b = 0; b < BLOCKS; ++b) {
        const int64_t at = n + b * EIGHT;
        if (DIVIDES && c.n_i == 0) {
            den[b] = __builtin_convertvector(loaded<HalfWords>(sums + c.n_e + at), Doubles) *
                     loaded<Doubles>(c.den_unit + at);
        }
        found[b] = {num[b], den[b]};
    }
}

// The same of as many neurons as there are, up to `MOST_BLOCKS` times eight; return how many.
constexpr int64_t MOST_BLOCKS = 4;
template <bool DIVIDES>
inline int64_t balance_some(const LayerCall &c, const int32_t *sums, const double *inhibition,
                            int64_t n, Balance *found)
{
    const int64_t left = c.padded - n;
    if (left >= 4 * EIGHT) {
        balance<DIVIDES, 4>(c, sums, inhibition, n, found);
        return 4 * EIGHT;
    }
    if (left >= 2 * EIGHT) {
        balance<DIVIDES, 2>(c, sums, inhibition, n, found);
        return 2 * EIGHT;
    }
    balance<DIVIDES, 1>(c, sums, inhibition, n, found);
    return EIGHT;
}

// The patterns of a table by their indices; short ones are looked up in registers.
inline Longs looked_up(const LayerCall &c, const Longs &index)
{
#if defined(__AVX512BW__)
    if (c.shorts != nullptr) {
        const __m512i at = __m512i(index);
        __m512i of[SHORTS / 64];
        for (int64_t i = 0; i < SHORTS / 64; ++i) {
            const uint16_t *from = c.shorts + 64 * i;
            of[i] = _mm512_permutex2var_epi16(loaded<__m512i>(from), at, loaded<__m512i>(from + 32));
        }
        const __mmask8 odd = _mm512_test_epi64_mask(at, _mm512_set1_epi64(64));
        const __mmask8 upper = _mm512_test_epi64_mask(at, _mm512_set1_epi64(128));
        const __m512i low = _mm512_mask_mov_epi64(of[0], odd, of[1]);
        const __m512i high = _mm512_mask_mov_epi64(of[2], odd, of[3]);
        const Longs found = Longs(_mm512_mask_mov_epi64(low, upper, high)) & 0xFFFF;
        return (found << PATTERN_SHIFT) + c.least;
    }
#endif
    Longs found;
    for (int i = 0; i < EIGHT; ++i) {
        found[i] = c.patterns[index[i]];
    }
    return found;
}

// NUM / DEN before it is rounded (A8).
template <Method METHOD> inline Doubles quotients(const LayerCall &c, Doubles num, Doubles den)
{
    const Longs bits = loaded<Longs>(&den), of_num = loaded<Longs>(&num);
    Longs found;
    switch (METHOD) {
    case NONE: return num;
    case EXACT: return num / den;
    case TABLE:
        found = looked_up(c, (bits >> c.below) & c.mask) - (bits & EXPONENT);
        return num * loaded<Doubles>(&found);
    case LOGARITHM: {
        // patterns of floats are their logarithms, piecewise linear
        const Longs kept = Longs{} + ~c.mask;
        found = (of_num & ~SIGN & kept) - (bits & kept) + ONE;
        found |= of_num & SIGN;
        found &= Longs(num != Doubles{}); // no logarithm, no quotient
        return loaded<Doubles>(&found);
    }
    }
    return num;
}

// Lower magnitudes, half more than quotients, that were rounded up to a whole number.
inline void correct(Doubles &x, const Doubles &num, const Doubles &den)
{
    Doubles whole;
    for (int i = 0; i < EIGHT; ++i) {
        whole[i] = std::trunc(x[i]);
    }
    const Longs is_whole = whole == x;
    if (!any_of(is_whole)) {
        return;
    }
    for (int i = 0; i < EIGHT; ++i) {
        const double odd = 2 * std::fabs(whole[i]) - 1; // the quotient's double, if that is exact
        const bool is_less = std::fma(-odd, den[i], 2 * std::fabs(num[i])) < 0;
        x[i] -= is_whole[i] != 0 && is_less ? std::copysign(1.0, x[i]) : 0;
    }
}

// The currents of eight neurons: their quotients rounded, to nearest, and a bias (A8, A9).
template <Method METHOD>
inline HalfWords currents(const LayerCall &c, Doubles num, Doubles den, int64_t n, Counts &counts)
{
    Doubles x = quotients<METHOD>(c, num, den);
    const Longs half = (loaded<Longs>(&x) & SIGN) | (ONE - (int64_t(1) << 52)); // +-0.5
    x += loaded<Doubles>(&half);
    if (METHOD == EXACT) {
        correct(x, num, den);
    }
    const double limit = c.current_limit;
    const Longs magnitude = loaded<Longs>(&x) & ~SIGN;
    const Doubles too_large = Doubles{} + (limit + 1);
    // floats without their signs are ordered as their patterns are
    if (any_at_least(magnitude, loaded<Longs>(&too_large))) {
        counts.currents += magnitude >= loaded<Longs>(&too_large);
        x = x > limit ? Doubles{} + limit : x;
        x = x < -limit ? Doubles{} - limit : x;
    }
    return __builtin_convertvector(x, HalfWords) + loaded<HalfWords>(c.bias + n);
}

inline HalfWords clipped(const LayerCall &c, HalfWords x, Counts &counts)
{
    const int32_t most = int32_t(c.membrane_limit) - 1, least = -int32_t(c.membrane_limit);
    HalfWords within = x > most ? HalfWords{} + most : x;
    within = within < least ? HalfWords{} + least : within;
    counts.membranes += within != x;
    return within;
}

// What is left of x by a leak of `leaks` in units of 2^-fraction.
inline HalfWords left_by(HalfWords x, const int32_t *leaks, int64_t fraction)
{
    const Longs of_each = __builtin_convertvector(loaded<HalfWords>(leaks), Longs);
    const Longs product = (__builtin_convertvector(x, Longs) * of_each) >> fraction;
    return x - __builtin_convertvector(product, HalfWords);
}

// How many spikes a membrane x is good for (A34).
inline HalfWords counted(const LayerCall &c, HalfWords x, HalfWords threshold)
{
    const HalfWords y = c.is_above ? x - 1 : x;
    if (c.max_spikes == 1) {
        return -HalfWords(y >= threshold);
    }
    const Doubles times = __builtin_convertvector(y, Doubles) /
                          __builtin_convertvector(threshold, Doubles);
    const int32_t most = int32_t(c.max_spikes);
    HalfWords whole = __builtin_convertvector(times, HalfWords);
    whole = whole > most ? HalfWords{} + most : whole;
    return whole < 0 ? HalfWords{} : whole;
}

inline HalfWords after(const LayerCall &c, HalfWords x, HalfWords spikes, int64_t n)
{
    switch (c.reset) {
    case SUBTRACT: return x - spikes * loaded<HalfWords>(c.threshold + n);
    case KEEP: return x;
    default: break;
    }
    const HalfWords rest = c.reset == VALUE ? loaded<HalfWords>(c.rest + n) : HalfWords{};
    return spikes > 0 ? rest : x;
}

// One step of eight neurons of (A33..A36): next membranes and filters; return their spikes.
inline HalfWords fire_any(const LayerCall &c, HalfWords &v, int32_t *filter, HalfWords current,
                          int64_t n, Counts &counts)
{
    const HalfWords threshold = loaded<HalfWords>(c.threshold + n);
    if (c.synapse != nullptr) {
        const HalfWords before = loaded<HalfWords>(filter);
        current = left_by(before, c.synapse + n, c.synapse_fraction) + current;
        current = clipped(c, current, counts);
        std::memcpy(filter, &current, sizeof current);
    }
    HalfWords late = {};
    HalfWords u = left_by(v, c.leaks + n, c.leak) + current;
    if (c.delay != PROMPT) {
        late = counted(c, v, threshold);
        u = after(c, u, late, n);
    }
    if (c.low != nullptr) {
        const HalfWords low = loaded<HalfWords>(c.low + n);
        u = u < low ? low : u;
    }
    u = clipped(c, u, counts);
    const HalfWords z = counted(c, u, threshold);
    v = c.delay == PROMPT ? after(c, u, z, n) : u;
    return c.delay == LATE_SPIKE ? late : z;
}

// One step of eight neurons of (A10).
inline HalfWords fire_leaky(const LayerCall &c, HalfWords &v, HalfWords current, int64_t n,
                            Counts &counts)
{
    const HalfWords threshold = loaded<HalfWords>(c.threshold + n);
    const HalfWords u = clipped(c, v - (v >> int32_t(c.leak)) + current, counts);
    const HalfWords fires = u >= threshold;
    v = c.reset == ZERO ? u & ~fires : u - (threshold & fires);
    return -fires;
}

// A block of neurons whose divisor is zero and whose numerator is not: it waits for all others.
struct Waiting {
    int64_t position, n;
    Balance of;
};

// The hidden layer on the samples of one thread.
template <Method METHOD> class Hidden {
  public:
    explicit Hidden(const LayerCall &call)
        : c(call), positions(c.out_height * c.out_width), sums(c), v(positions * c.padded),
          filters(c.synapse != nullptr ? positions * c.padded : 0),
          own(c.spikes == nullptr ? c.steps / c.given * positions * c.n_e : 0)
    {
    }

    // Run all steps of a sample.
    void run(int64_t b)
    {
        begin(c.membranes, v, b);
        begin(c.synapses, filters, b);
        for (int64_t t = 0; t < c.given; ++t) {
            step(t, b);
        }
        end(v, c.membranes, b);
        end(filters, c.synapses, b);
        for (int i = 0; i < EIGHT; ++i) {
            totals[0] -= counts.zeros[i];
            totals[1] -= counts.currents[i];
            totals[2] -= counts.membranes[i];
        }
        counts = Counts();
    }

    int64_t totals[3] = {0, 0, 0}; // as LayerCall.counts

  private:
    void begin(const int32_t *from, std::vector<int32_t> &to, int64_t b) const
    {
        std::fill(to.begin(), to.end(), 0);
        for (int64_t p = 0; from != nullptr && p < positions; ++p) {
            std::copy_n(from + (b * positions + p) * c.n_e, c.n_e, to.data() + p * c.padded);
        }
    }

    void end(const std::vector<int32_t> &from, int32_t *to, int64_t b) const
    {
        for (int64_t p = 0; to != nullptr && p < positions; ++p) {
            std::copy_n(from.data() + p * c.padded, c.n_e, to + (b * positions + p) * c.n_e);
        }
    }

    // Where eight neurons keep what they do: potentials, filters, and spikes of every time.
    struct Place {
        int32_t *v, *filter;
        uint8_t *spikes;
        int64_t n;
    };

    Place place(int64_t p, int64_t n)
    {
        const int64_t at = p * c.padded + n;
        return {v.data() + at, filters.data() + (filters.empty() ? 0 : at),
                spikes + p * c.n_e + n, n};
    }

    void step(int64_t t, int64_t b)
    {
        constexpr bool DIVIDES = METHOD != NONE;
        const LayerCall call = c; // which no spike that is written can change
        const int64_t of_sample = t * c.batch + b, size = positions * c.n_e;
        spikes = own.empty() ? c.spikes + of_sample * size : own.data();
        apart = own.empty() ? c.batch * size : size;
        sums.read(c.x + of_sample * c.height * c.width * c.channels);
        Doubles least = Doubles{} + std::numeric_limits<double>::infinity();
        waiting.clear();
        for (int64_t p = 0, y = 0, x = 0; p < positions; ++p) {
            const int32_t *found = sums.at(y, x);
            keep_inhibition(found, of_sample * positions + p);
            Place at = place(p, 0);
            const double *inhibition = found == nullptr ? nullptr : sums.inhibited();
            for (int64_t n = 0; n < call.padded;) {
                Balance some[MOST_BLOCKS];
                int64_t end = call.padded;
                if (found != nullptr) {
                    end = n + balance_some<DIVIDES>(call, found, inhibition, n, some);
                }
                for (Balance *one = some; n < end; ++one, n += EIGHT) {
                    if (found == nullptr) {
                        counts.zeros += DIVIDES ? are_neurons(n) : Longs{};
                        fire(call, at, loaded<HalfWords>(call.bias + n));
                    } else if (!DIVIDES || is_divisible(call, n, *one, least)) {
                        fire(call, at, currents<METHOD>(call, one->num, one->den, n, counts));
                    } else {
                        waiting.push_back({p, n, *one});
                    }
                    at = {at.v + EIGHT, at.filter + EIGHT, at.spikes + EIGHT, n + EIGHT};
                }
            }
            x = x + 1 == c.out_width ? 0 : x + 1;
            y += x == 0 ? 1 : 0;
        }
        fire_waiting(least);
        pool(of_sample);
    }

    // Return whether no DEN is zero but under zero, where anything will do.
    bool is_divisible(const LayerCall &call, int64_t n, Balance &of, Doubles &least)
    {
        if (any_zero(of.den)) {
            const Longs zero = of.den == Doubles{};
            counts.zeros += zero & are_neurons(n);
            least = smaller(least, of.den);
            if (call.instead == nullptr && any_of(zero & Longs(of.num != Doubles{}))) {
                return false;
            }
            of.den = zero ? Doubles{} + 1.0 : of.den;
        } else {
            least = of.den < least ? of.den : least;
        }
        if (call.instead != nullptr) {
            of.den = loaded<Doubles>(call.instead + n);
        }
        return true;
    }

    // Replace zero divisors (A6); where none is positive, there is the bias alone.
    void fire_waiting(const Doubles &least)
    {
        double smallest = least[0];
        for (int i = 1; i < EIGHT; ++i) {
            smallest = std::min(smallest, least[i]);
        }
        const bool positive = std::isfinite(smallest);
        for (const Waiting &block : waiting) {
            HalfWords current = loaded<HalfWords>(c.bias + block.n);
            if (positive) {
                const Doubles replacement =
                    c.by_floor ? loaded<Doubles>(c.floor + block.n) : Doubles{} + smallest;
                const Doubles den = block.of.den == Doubles{} ? replacement : block.of.den;
                current = currents<METHOD>(c, block.of.num, den, block.n, counts);
            }
            fire(c, place(block.position, block.n), current);
        }
    }

    static Doubles smaller(Doubles least, Doubles den)
    {
        const Longs is_smaller = (den > Doubles{}) & (den < least);
        return is_smaller ? den : least;
    }

    // Of eight from n on, which are not padded.
    Longs are_neurons(int64_t n) const
    {
        return Longs{0, 1, 2, 3, 4, 5, 6, 7} + n < Longs{} + c.n_e;
    }

    void keep_inhibition(const int32_t *found, int64_t row)
    {
        if (c.inhibition != nullptr && found != nullptr) {
            std::copy_n(found + c.n_e, c.n_i, c.inhibition + row * c.n_i);
        } else if (c.inhibition != nullptr) {
            std::fill_n(c.inhibition + row * c.n_i, c.n_i, 0);
        }
    }

    // One step of eight neurons, or all where the current does not change.
    void fire(const LayerCall &call, const Place &at, const HalfWords &current)
    {
        HalfWords potential = loaded<HalfWords>(at.v);
        uint8_t *to = at.spikes;
        const int64_t times = call.steps / call.given, left = call.n_e - at.n;
        for (int64_t i = 0; i < times; ++i, to += apart) {
            HalfWords z;
            if (call.is_general) {
                z = fire_any(call, potential, at.filter, current, at.n, counts);
            } else {
                z = fire_leaky(call, potential, current, at.n, counts);
            }
            const Bytes bytes = __builtin_convertvector(z, Bytes);
            if (left >= EIGHT) {
                std::memcpy(to, &bytes, sizeof bytes);
            } else {
                for (int64_t k = 0; k < left; ++k) {
                    to[k] = bytes[k];
                }
            }
        }
        std::memcpy(at.v, &potential, sizeof potential);
    }

    // Add up spikes side by side (A11).
    void pool(int64_t of_sample)
    {
        if (c.pooled == nullptr) {
            return;
        }
        const int64_t k = c.pool, height = c.out_height / k, width = c.out_width / k;
        const int64_t size = height * width * c.n_e;
        for (int64_t i = 0; i < c.steps / c.given; ++i) {
            uint8_t *to = c.pooled + (of_sample + i * c.batch) * size;
            for (int64_t p = 0; p < height * width; ++p, to += c.n_e) {
                const int64_t first = p / width * k * c.out_width + p % width * k;
                const uint8_t *from = spikes + i * apart + first * c.n_e;
                std::copy_n(from, c.n_e, to);
                for (int64_t tap = 1; tap < k * k; ++tap) {
                    const uint8_t *other = from + (tap / k * c.out_width + tap % k) * c.n_e;
                    int64_t n = 0;
                    for (; n + EIGHT <= c.n_e; n += EIGHT) {
                        const Bytes both = loaded<Bytes>(to + n) + loaded<Bytes>(other + n);
                        std::memcpy(to + n, &both, sizeof both);
                    }
                    for (; n < c.n_e; ++n) {
                        to[n] = uint8_t(to[n] + other[n]);
                    }
                }
            }
        }
    }

    const LayerCall &c;
    const int64_t positions;
    Sums sums;
    std::vector<int32_t> v, filters; // (positions, padded)
    std::vector<uint8_t> own;        // spikes (times, positions, n_e), where no others are wanted
    uint8_t *spikes = nullptr;       // of this step
    int64_t apart = 0;               // from a step to the next, of a current that does not change
    std::vector<Waiting> waiting;
    Counts counts;
};

// The samples of a batch, which threads take one by one, as none knows how long one takes.
class Samples {
  public:
    explicit Samples(int64_t batch) : batch(batch) {}

    // Take a sample that nobody has; false where there is none.
    bool take(int64_t &b) { return (b = next++) < batch; }

  private:
    const int64_t batch;
    std::atomic<int64_t> next{0};
};

template <Method METHOD>
void run_hidden(const LayerCall &c, Samples &samples, int64_t *counts)
{
    Hidden<METHOD> layer(c);
    for (int64_t b; samples.take(b);) {
        layer.run(b);
    }
    std::copy_n(layer.totals, 3, counts);
}

// NUM of a readout.
void run_readout(const LayerCall &c, Samples &samples)
{
    const int64_t positions = c.out_height * c.out_width;
    Sums sums(c);
    for (int64_t b; samples.take(b);) {
        for (int64_t t = 0; t < c.given; ++t) {
            const int64_t of_sample = t * c.batch + b;
            sums.read(c.x + of_sample * c.height * c.width * c.channels);
            for (int64_t p = 0; p < positions; ++p) {
                const int32_t *found = sums.at(p / c.out_width, p % c.out_width);
                double *const row = c.numerators + (of_sample * positions + p) * c.n_e;
                for (int64_t n = 0; n < c.n_e; n += EIGHT) {
                    Balance one = {};
                    if (found != nullptr) {
                        balance<false, 1>(c, found, sums.inhibited(), n, &one);
                    }
                    std::memcpy(row + n, &one.num, std::min(EIGHT, c.n_e - n) * sizeof(double));
                }
            }
        }
    }
}

// What one thread does.
void run(const LayerCall &c, Samples &samples, int64_t *counts)
{
    if (c.numerators != nullptr) {
        run_readout(c, samples);
        return;
    }
    switch (c.method) {
    case TABLE: run_hidden<TABLE>(c, samples, counts); break;
    case EXACT: run_hidden<EXACT>(c, samples, counts); break;
    case LOGARITHM: run_hidden<LOGARITHM>(c, samples, counts); break;
    default: run_hidden<NONE>(c, samples, counts);
    }
}

} // namespace

extern "C" void run_layer(const LayerCall *call)
{
    const LayerCall &c = *call;
    const int64_t threads = std::max<int64_t>(1, std::min(c.threads, c.batch));
    std::vector<int64_t> counts(3 * threads);
    std::vector<std::thread> others;
    Samples samples(c.batch);
    for (int64_t i = 1; i < threads; ++i) {
        others.emplace_back([&, i] { run(c, samples, &counts[3 * i]); });
    }
    run(c, samples, &counts[0]);
    for (std::thread &other : others) {
        other.join();
    }
    for (int64_t i = 0; i < 3 * threads; ++i) {
        c.counts[i % 3] += counts[i];
    }
}

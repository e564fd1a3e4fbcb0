// A hidden layer with its LIF neurons, or the sums of a readout: what integer.py computes in numpy,
// sample by sample. Events, entries that are not zero, add rows of weights to the sums of the
// positions that read them; a division by a table is that of quotients.py, in exact floats.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <thread>
#include <vector>

namespace {

constexpr int64_t LANES = 32; // of 16 bits: a row of weights is padded to them
typedef uint16_t Shorts __attribute__((vector_size(64)));
typedef int16_t HalfShorts __attribute__((vector_size(32)));
typedef uint16_t HalfUnsigned __attribute__((vector_size(32)));
typedef int32_t Words __attribute__((vector_size(64)));
constexpr int64_t EIGHT = 8; // of 64 bits
typedef int32_t HalfWords __attribute__((vector_size(32)));
typedef double Doubles __attribute__((vector_size(64)));

} // namespace

extern "C" {

// What kernel.py fills in; arrays have the shapes that stand beside them, the last axis dense.
struct LayerCall {
    int64_t batch, given, steps; // given: steps of x, or 1 of what does not change
    int64_t channels, height, width;
    int64_t kernel, stride, padding, out_height, out_width;
    int64_t n_e, n_i;    // n_i: of a factored layer, else 0
    int64_t columns;     // of a row of weights
    int64_t flush;       // events whose products 16 bits hold
    int64_t binary;      // entries are spikes
    int64_t is_signed;   // weights have either sign
    int64_t hidden;      // it divides, and drives neurons
    int64_t divides;     // a table is looked up
    int64_t by_floor;    // zero divisors are replaced by `floor`, not by the smallest
    int64_t below, mask; // of the mantissa's bits (quotients.py)
    int64_t leak, to_zero, membrane_limit;
    int64_t threads;
    double current_limit;
    const uint8_t *x;         // (given, batch, height, width, channels)
    const int16_t *weights;   // (kernel, kernel, channels, columns)
    const double *up;         // (n_e,) what P is multiplied by
    const double *through;    // (n_i, n_e) W_EI in units of NUM
    const double *gained;     // (n_i, n_e) W_EI times its gains in units of DEN, or null
    const double *den_unit;   // (n_e,) what DEN of a folded layer is multiplied by
    const int64_t *patterns;  // (mask + 1,)
    const double *floor;      // (n_e,)
    const int32_t *bias;      // (n_e,)
    const int32_t *threshold; // (n_e,)
    int32_t *membranes;       // (batch, positions, n_e), before and after
    uint8_t *spikes;          // (steps, batch, positions, n_e)
    int32_t *inhibition;      // (given, batch, positions, n_i), or null
    double *numerators;       // (given, batch, positions, n_e) of a readout
    int64_t *counts;          // (3,): zero divisors, saturated currents, saturated membranes
};
}

namespace {

// The entries of one sample at one step that are not zero, pixel by pixel.
struct Events {
    std::vector<int64_t> first; // of a pixel; one more than there are pixels
    std::vector<int32_t> row;   // where the weights of a column of pixels and a channel begin
    std::vector<uint16_t> value;

    void read(const LayerCall &c, const uint8_t *x)
    {
        const int64_t pixels = c.height * c.width;
        first.resize(pixels + 1);
        row.resize(pixels * c.channels + 1);
        value.resize(pixels * c.channels + 1);
        int64_t count = 0;
        for (int64_t p = 0; p < pixels; ++p) {
            first[p] = count;
            const uint8_t *pixel = x + p * c.channels;
            const int64_t begin = p % c.width * c.channels;
            for (int64_t i = 0; i < c.channels; ++i) { // without a branch, which would be missed
                row[count] = int32_t((begin + i) * c.columns);
                value[count] = pixel[i];
                count += pixel[i] != 0 ? 1 : 0;
            }
        }
        first[pixels] = count;
    }
};

inline void widen(bool is_signed, Shorts &sum, Words &low, Words &high)
{
    if (is_signed) {
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

// Add up `BLOCKS` vectors of columns, from `at` on, of one position.
template <bool BINARY, int BLOCKS>
void add_up(const LayerCall &c, const Events &events, int64_t top, int64_t left, int64_t at,
            int32_t *sums)
{
    Shorts sum[BLOCKS] = {};
    Words low[BLOCKS] = {}, high[BLOCKS] = {};
    int64_t room = c.flush;
    const bool is_signed = c.is_signed != 0;
    const int64_t columns = c.columns, channels = c.channels;
    const int64_t from = std::max<int64_t>(left, 0), to = std::min(left + c.kernel, c.width);
    const int64_t below = std::max<int64_t>(top, 0), above = std::min(top + c.kernel, c.height);
    for (int64_t y = below; y < above && from < to; ++y) {
        const int16_t *rows = c.weights + ((y - top) * c.kernel - left) * channels * columns + at;
        int64_t e = events.first[y * c.width + from];
        const int64_t end = events.first[y * c.width + to];
        while (e < end) {
            const int64_t until = std::min(end, e + room);
            room -= until - e;
            for (; e < until; ++e) {
                const int16_t *row = rows + events.row[e];
                for (int b = 0; b < BLOCKS; ++b) {
                    Shorts weights;
                    std::memcpy(&weights, row + b * LANES, sizeof weights);
                    sum[b] += BINARY ? weights : weights * events.value[e];
                }
            }
            if (room == 0) {
                room = c.flush;
                for (int b = 0; b < BLOCKS; ++b) {
                    widen(is_signed, sum[b], low[b], high[b]);
                }
            }
        }
    }
    for (int b = 0; b < BLOCKS; ++b) {
        widen(is_signed, sum[b], low[b], high[b]);
        std::memcpy(sums + at + b * LANES, &low[b], sizeof low[b]);
        std::memcpy(sums + at + b * LANES + LANES / 2, &high[b], sizeof high[b]);
    }
}

template <bool BINARY>
void add_up_all(const LayerCall &c, const Events &events, int64_t top, int64_t left, int32_t *sums)
{
    int64_t at = 0;
    for (; at + 4 * LANES <= c.columns; at += 4 * LANES) {
        add_up<BINARY, 4>(c, events, top, left, at, sums);
    }
    switch ((c.columns - at) / LANES) {
    case 3: add_up<BINARY, 3>(c, events, top, left, at, sums); break;
    case 2: add_up<BINARY, 2>(c, events, top, left, at, sums); break;
    case 1: add_up<BINARY, 1>(c, events, top, left, at, sums); break;
    default: break;
    }
}

// NUM and DEN of `BLOCKS` vectors of neurons of a factored layer, of the sums of one position.
template <bool DIVIDES, int BLOCKS>
inline void inhibit(const LayerCall &c, const int32_t *sums, int64_t at, double *__restrict num,
                    double *__restrict den)
{
    Doubles balanced[BLOCKS], shunt[BLOCKS] = {};
    for (int b = 0; b < BLOCKS; ++b) {
        HalfWords whole;
        Doubles up;
        std::memcpy(&whole, sums + at + b * EIGHT, sizeof whole);
        std::memcpy(&up, c.up + at + b * EIGHT, sizeof up);
        balanced[b] = __builtin_convertvector(whole, Doubles) * up;
    }
    for (int64_t j = 0; j < c.n_i; ++j) {
        const double s = sums[c.n_e + j];
        const double *through = c.through + j * c.n_e + at;
        for (int b = 0; b < BLOCKS; ++b) {
            Doubles weights;
            std::memcpy(&weights, through + b * EIGHT, sizeof weights);
            balanced[b] -= weights * s;
        }
        if (DIVIDES) {
            const double *gained = c.gained + j * c.n_e + at;
            for (int b = 0; b < BLOCKS; ++b) {
                Doubles weights;
                std::memcpy(&weights, gained + b * EIGHT, sizeof weights);
                shunt[b] += weights * s;
            }
        }
    }
    std::memcpy(num + at, balanced, sizeof balanced);
    if (DIVIDES) {
        std::memcpy(den + at, shunt, sizeof shunt);
    }
}

// NUM and DEN of one position, of its sums.
template <bool DIVIDES>
void balance(const LayerCall &c, const int32_t *sums, double *__restrict num, double *__restrict den)
{
    const int64_t n_e = c.n_e;
    int64_t n = 0;
    if (c.n_i > 0) {
        for (; n + 8 * EIGHT <= n_e; n += 8 * EIGHT) {
            inhibit<DIVIDES, 8>(c, sums, n, num, den);
        }
        for (; n + 4 * EIGHT <= n_e; n += 4 * EIGHT) {
            inhibit<DIVIDES, 4>(c, sums, n, num, den);
        }
        for (; n + 2 * EIGHT <= n_e; n += 2 * EIGHT) {
            inhibit<DIVIDES, 2>(c, sums, n, num, den);
        }
    }
    for (; n < n_e; ++n) {
        double balanced = sums[n] * c.up[n], shunt = 0;
        for (int64_t j = 0; j < c.n_i; ++j) {
            balanced -= c.through[j * n_e + n] * sums[n_e + j];
            shunt += DIVIDES ? c.gained[j * n_e + n] * sums[n_e + j] : 0;
        }
        num[n] = balanced;
        if (DIVIDES) {
            den[n] = c.n_i > 0 ? shunt : sums[n_e + n] * c.den_unit[n];
        }
    }
}

struct Counts {
    int64_t zeros = 0, currents = 0, membranes = 0;
};

// Replace the zero divisors of a sample's step (A6); return whether any was positive.
bool replace_zeros(const LayerCall &c, double *den, int64_t positions, Counts &counts)
{
    const int64_t size = positions * c.n_e;
    int64_t zeros = 0;
    for (int64_t i = 0; i < size; ++i) {
        zeros += den[i] == 0 ? 1 : 0;
    }
    counts.zeros += zeros;
    if (zeros == 0) {
        return true;
    }
    if (zeros == size) {
        std::fill(den, den + size, 1.0);
        return false;
    }
    if (c.by_floor) {
        for (int64_t i = 0; i < size; ++i) {
            den[i] = den[i] == 0 ? c.floor[i % c.n_e] : den[i];
        }
        return true;
    }
    int64_t least = std::numeric_limits<int64_t>::max(); // of patterns, whose order is the numbers'
    int64_t *const patterns = reinterpret_cast<int64_t *>(den);
    for (int64_t i = 0; i < size; ++i) {
        const int64_t d = patterns[i] == 0 ? std::numeric_limits<int64_t>::max() : patterns[i];
        least = d < least ? d : least;
    }
    for (int64_t i = 0; i < size; ++i) {
        patterns[i] = patterns[i] == 0 ? least : patterns[i];
    }
    return true;
}

// The currents of a sample's step: NUM times what the table says of DEN, rounded, and a bias.
template <bool DIVIDES>
void divide(const LayerCall &c, const double *num, const double *den, bool positive,
            int64_t positions, int32_t *__restrict current, Counts &counts)
{
    const double limit = c.current_limit;
    int64_t beyond = 0;
    for (int64_t p = 0; p < positions; ++p) {
        const double *a = num + p * c.n_e, *b = den + p * c.n_e;
        int32_t *to = current + p * c.n_e;
        for (int64_t n = 0; n < c.n_e; ++n) {
            double quotient = a[n];
            if (DIVIDES) {
                int64_t bits;
                std::memcpy(&bits, b + n, sizeof bits);
                int64_t pattern =
                    c.patterns[(bits >> c.below) & c.mask] - (bits & 0x7FF0000000000000);
                double factor;
                std::memcpy(&factor, &pattern, sizeof factor);
                quotient *= factor * positive;
            }
            quotient += std::copysign(0.5, quotient);
            beyond += std::fabs(quotient) >= limit + 1;
            quotient = quotient > limit ? limit : quotient;
            quotient = quotient < -limit ? -limit : quotient;
            to[n] = int32_t(quotient) + c.bias[n];
        }
    }
    counts.currents += beyond;
}

// LIF neurons, one step (A10).
template <bool TO_ZERO>
void fire(const LayerCall &c, const int32_t *current, int64_t positions, int32_t *__restrict v,
          uint8_t *__restrict spikes, Counts &counts)
{
    const int32_t most = int32_t(c.membrane_limit) - 1, least = -int32_t(c.membrane_limit);
    const int leak = int(c.leak);
    const int32_t *__restrict threshold = c.threshold;
    const int64_t n_e = c.n_e;
    for (int64_t p = 0; p < positions; ++p) {
        int32_t clipped = 0;
        for (int64_t n = 0; n < n_e; ++n) {
            const int32_t whole = v[n] - (v[n] >> leak) + current[n];
            int32_t u = whole > most ? most : whole;
            u = u < least ? least : u;
            clipped += u != whole ? 1 : 0;
            const bool z = u >= threshold[n];
            v[n] = z ? (TO_ZERO ? 0 : u - threshold[n]) : u;
            spikes[n] = z;
        }
        counts.membranes += clipped;
        v += n_e, current += n_e, spikes += n_e;
    }
}

// All steps of the samples from `from` to `to`.
Counts run(const LayerCall &c, int64_t from, int64_t to)
{
    const int64_t positions = c.out_height * c.out_width, size = positions * c.n_e;
    const int64_t pixels = c.height * c.width;
    Events events;
    Counts counts;
    std::vector<int32_t> sums(c.columns), current(size);
    std::vector<double> num(size), den(size);
    for (int64_t b = from; b < to; ++b) {
        for (int64_t t = 0; t < (c.hidden ? c.steps : c.given); ++t) {
            if (t < c.given) {
                const int64_t of_sample = t * c.batch + b;
                events.read(c, c.x + of_sample * pixels * c.channels);
                double *of_num = c.hidden ? num.data() : c.numerators + of_sample * size;
                for (int64_t p = 0; p < positions; ++p) {
                    const int64_t top = p / c.out_width * c.stride - c.padding;
                    const int64_t left = p % c.out_width * c.stride - c.padding;
                    if (c.binary) {
                        add_up_all<true>(c, events, top, left, sums.data());
                    } else {
                        add_up_all<false>(c, events, top, left, sums.data());
                    }
                    if (c.inhibition != nullptr) {
                        std::copy_n(sums.data() + c.n_e, c.n_i,
                                    c.inhibition + (of_sample * positions + p) * c.n_i);
                    }
                    double *to_num = of_num + p * c.n_e, *to_den = den.data() + p * c.n_e;
                    if (c.divides) {
                        balance<true>(c, sums.data(), to_num, to_den);
                    } else {
                        balance<false>(c, sums.data(), to_num, to_den);
                    }
                }
                if (c.hidden && c.divides) {
                    const bool positive = replace_zeros(c, den.data(), positions, counts);
                    divide<true>(c, num.data(), den.data(), positive, positions, current.data(),
                                 counts);
                } else if (c.hidden) {
                    divide<false>(c, num.data(), den.data(), true, positions, current.data(),
                                  counts);
                }
            }
            if (c.hidden) {
                int32_t *v = c.membranes + b * size;
                uint8_t *spikes = c.spikes + (t * c.batch + b) * size;
                if (c.to_zero) {
                    fire<true>(c, current.data(), positions, v, spikes, counts);
                } else {
                    fire<false>(c, current.data(), positions, v, spikes, counts);
                }
            }
        }
    }
    return counts;
}

} // namespace

extern "C" void run_layer(const LayerCall *call)
{
    const LayerCall &c = *call;
    const int64_t threads = std::max<int64_t>(1, std::min(c.threads, c.batch));
    std::vector<Counts> counts(threads);
    std::vector<std::thread> others;
    for (int64_t i = 1; i < threads; ++i) {
        others.emplace_back([&, i] {
            counts[i] = run(c, c.batch * i / threads, c.batch * (i + 1) / threads);
        });
    }
    counts[0] = run(c, 0, c.batch / threads);
    for (std::thread &other : others) {
        other.join();
    }
    for (const Counts &own : counts) {
        c.counts[0] += own.zeros;
        c.counts[1] += own.currents;
        c.counts[2] += own.membranes;
    }
}

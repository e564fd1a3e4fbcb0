// The membrane of INI's DPI neuron, for the simulator and for training (docs/dynapse2_training.md).
//
// In units of the neuron's own gain and leak, v = Imem / Igain, i = Iin / Itau, b = 1 + Ishunt / Itau:
//   tau dv/dt = v (i / (1 + v) - b)                                        (D3)
#pragma once

#include <cstdint>

constexpr int LANES = 16;  // images side by side, all on one chip

// the compiler's own vectors: one operation on all lanes, on any machine
typedef float Floats __attribute__((vector_size(LANES * sizeof(float))));
typedef double Doubles __attribute__((vector_size(LANES * sizeof(double))));
typedef int32_t Ints __attribute__((vector_size(LANES * sizeof(int32_t))));
typedef int64_t Longs __attribute__((vector_size(LANES * sizeof(int64_t))));

template <typename V> inline V larger(const V& a, const V& b) { return a > b ? a : b; }

// e^x to 3e-7 of itself for |x| < 80
inline Floats exponential(Floats x) {
  constexpr Floats MOST = Floats{} + 80.0f;
  x = larger<Floats>(x, -MOST);
  x = x < MOST ? x : MOST;
  const Floats k = (x * 1.44269504f + 12582912.0f) - 12582912.0f;
  const Floats r = (x - k * 0.693145751953125f) - k * 1.42860682e-6f;
  Floats p = r * 1.98412698e-4f + 1.38888889e-3f;
  p = p * r + 8.33333333e-3f;
  p = p * r + 4.16666667e-2f;
  p = p * r + 1.66666667e-1f;
  p = p * r + 0.5f;
  p = p * r + 1.0f;
  p = p * r + 1.0f;
  const Ints bits = (__builtin_convertvector(k, Ints) + 127) << 23;
  return p * (Floats)bits;
}

// e^x to 1e-15 of itself for |x| < 80
inline Doubles exponential(Doubles x) {
  constexpr Doubles MOST = Doubles{} + 80.0;
  x = larger<Doubles>(x, -MOST);
  x = x < MOST ? x : MOST;
  const Doubles k = (x * 1.44269504088896341 + 6755399441055744.0) - 6755399441055744.0;
  const Doubles r = (x - k * 6.93147180369123816490e-01) - k * 1.90821492927058770002e-10;
  Doubles p = r * (1.0 / 6227020800.0) + 1.0 / 479001600.0;
  p = p * r + 1.0 / 39916800.0;
  p = p * r + 1.0 / 3628800.0;
  p = p * r + 1.0 / 362880.0;
  p = p * r + 1.0 / 40320.0;
  p = p * r + 1.0 / 5040.0;
  p = p * r + 1.0 / 720.0;
  p = p * r + 1.0 / 120.0;
  p = p * r + 1.0 / 24.0;
  p = p * r + 1.0 / 6.0;
  p = p * r + 0.5;
  p = p * r + 1.0;
  p = p * r + 1.0;
  const Longs bits = (__builtin_convertvector(k, Longs) + 1023) << 52;
  return p * (Doubles)bits;
}

// ln x to 1e-7 or 1e-15 for x > 0: the exponent, and the series of ln((1 + s) / (1 - s)) at the rest
inline Floats logarithm(Floats x) {
  const Ints bits = (Ints)x;
  const Ints k = (bits - 0x3f3504f3) >> 23;  // the rest lies from sqrt(1/2) to sqrt(2)
  const Floats m = (Floats)(bits - (k << 23));
  const Floats s = (m - 1.0f) / (m + 1.0f), t = s * s;
  Floats p = t * (2.0f / 9) + 2.0f / 7;
  p = p * t + 2.0f / 5;
  p = p * t + 2.0f / 3;
  p = p * t + 2.0f;
  return __builtin_convertvector(k, Floats) * 0.693147181f + s * p;
}

inline Doubles logarithm(Doubles x) {
  const Longs bits = (Longs)x;
  const Longs k = (bits - 0x3fe6a09e667f3bcdLL) >> 52;
  const Doubles m = (Doubles)(bits - (k << 52));
  const Doubles s = (m - 1.0) / (m + 1.0), t = s * s;
  Doubles p = t * (2.0 / 21) + 2.0 / 19;
  p = p * t + 2.0 / 17;
  p = p * t + 2.0 / 15;
  p = p * t + 2.0 / 13;
  p = p * t + 2.0 / 11;
  p = p * t + 2.0 / 9;
  p = p * t + 2.0 / 7;
  p = p * t + 2.0 / 5;
  p = p * t + 2.0 / 3;
  p = p * t + 2.0;
  return __builtin_convertvector(k, Doubles) * 0.693147180559945309 + s * p;
}

// w with w + ln w = x + ln x + charge, x where there is no charge (D6)
template <typename V, typename T> inline V charged(const V& x, const V& charge) {
  const V z = x + logarithm(x) + charge;
  const V size = z < T(0) ? -z : z, rise = z < T(0) ? z * T(0) : z;
  const V soft = rise + logarithm(exponential(-size) + T(1));  // ln(1 + e^z)
  V w = soft * (T(1) - logarithm(soft + T(1)) / (soft + T(2)));  // within some percent of it
  w = z < T(-2) ? exponential(z) : w;
  for (int round = 0; round < (sizeof(T) > 4 ? 2 : 1); ++round) {  // errors to the fourth power
    const V off = z - w - logarithm(w), by = w + T(1), t = by * (by + off * T(2.0 / 3));
    w = w * (T(1) + off / by * (t - off * T(0.5)) / (t - off));
  }
  return charge > T(0) ? w : x;
}

// v after h = dt / tau under constant i and b: the midpoint rule on ln v, hence never negative (D4)
template <typename V> struct Advance {
  V half, middle, rate, next;

  Advance(const V& v, const V& i, const V& b, const V& h) {
    half = exponential(h * 0.5f * (i / (v + 1.0f) - b));
    middle = v * half;
    rate = i / (middle + 1.0f) - b;
    next = v * exponential(h * rate);
  }
};

// The derivative of a spike that learning takes (M8), many at once.

#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>

namespace {

template <typename T> struct Bits;
template <> struct Bits<float> { using Int = int32_t; static constexpr int mantissa = 23, bias = 127, terms = 8; static constexpr float low = -60.f; };
template <> struct Bits<double> { using Int = int64_t; static constexpr int mantissa = 52, bias = 1023, terms = 14; static constexpr double low = -600.; };

// a b + c, rounded once where the processor does so by itself
template <typename T> inline T muladd(T a, T b, T c) {
#if defined(__FMA__) || defined(__aarch64__)
  return std::fma(a, b, c);
#else
  return a * b + c;
#endif
}

// 1 + r / K (1 + r / (K + 1) (1 + ...)) up to 1 / LAST
template <int K, int LAST, typename T> inline T series(T r) {
  if constexpr (K > LAST)
    return T(1);
  else
    return muladd(r * (T(1) / T(K)), series<K + 1, LAST>(r), T(1));
}

// exp(x) for x <= 0 to rounding, without a branch, so that the compiler can take many at once;
// 0 below `low`, far above the denormal numbers, on which a processor is a hundred times slower
template <typename T> inline T exponential(T full) {
  using B = Bits<T>;
  const T x = full < B::low ? B::low : full;
  const T n = std::rint(x * T(1.4426950408889634));
  const T r = muladd(n, T(-1.42860682030941723212e-6), muladd(n, T(-0.693145751953125), x));
  const T sum = series<1, B::terms>(r);
  const typename B::Int power = (static_cast<typename B::Int>(n) + B::bias) << B::mantissa;
  T scale;
  std::memcpy(&scale, &power, sizeof(T));
  return full < B::low ? T(0) : sum * scale;
}

// alpha s (1 - s), s = sigmoid(alpha (u - 1)), alpha = 4 (M8)
template <typename T> inline T surrogate(T u) {
  const T e = exponential<T>(-std::abs(T(4) * u - T(4)));
  return T(4) * e / ((T(1) + e) * (T(1) + e));
}

}  // namespace

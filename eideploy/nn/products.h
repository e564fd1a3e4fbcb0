// Products of small matrices that lie in the processor's cache: blocks of rows and columns whose sums
// stay in registers. Row-major; `inner` is the dimension that is summed over, in order.

#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>

#if defined(__AVX2__) || defined(__AVX512F__)
#include <immintrin.h>
#endif

namespace {

#if defined(__AVX512F__)
constexpr int64_t BYTES = 64, WIDE = 4;  // of a vector; vectors of a row at a time: 32 registers
#elif defined(__AVX2__)
constexpr int64_t BYTES = 32, WIDE = 2;
#else
constexpr int64_t BYTES = 16, WIDE = 4;
#endif
constexpr int64_t ROWS = 6;

template <typename T> struct Lanes;
template <> struct Lanes<float> { typedef float Vector __attribute__((vector_size(BYTES))); };
template <> struct Lanes<double> { typedef double Vector __attribute__((vector_size(BYTES))); };
template <typename T> constexpr int64_t LANES = BYTES / sizeof(T);

// sum + left right, rounded once where the processor does so by itself
#if defined(__AVX512F__)
inline void add_product(Lanes<float>::Vector& sum, float left, const Lanes<float>::Vector& right) {
  sum = _mm512_fmadd_ps(_mm512_set1_ps(left), right, sum);
}
inline void add_product(Lanes<double>::Vector& sum, double left, const Lanes<double>::Vector& right) {
  sum = _mm512_fmadd_pd(_mm512_set1_pd(left), right, sum);
}
#elif defined(__AVX2__)
inline void add_product(Lanes<float>::Vector& sum, float left, const Lanes<float>::Vector& right) {
  sum = _mm256_fmadd_ps(_mm256_set1_ps(left), right, sum);
}
inline void add_product(Lanes<double>::Vector& sum, double left, const Lanes<double>::Vector& right) {
  sum = _mm256_fmadd_pd(_mm256_set1_pd(left), right, sum);
}
#else
template <typename V, typename T> inline void add_product(V& sum, T left, const V& right) { sum += left * right; }
#endif

// the same in a column that no vector covers, so that vectors of any width give the same bits
template <typename T> inline void add_single(T& sum, T left, T right) {
#if defined(__AVX2__) || defined(__AVX512F__)
  sum = std::fma(left, right, sum);
#else
  sum += left * right;
#endif
}

// a (m, inner), b (inner, n), c (m, n): `row`, `b_row` and `c_row` lead to the next row, `step` to the
// next entry of a row of a
template <typename T> struct Product {
  const T* a;
  int64_t row, step;
  const T* b;
  int64_t b_row;
  T* c;
  int64_t c_row, inner;

  template <int64_t R, int64_t V> void block(int64_t r, int64_t col, bool add) const {
    using Vector = typename Lanes<T>::Vector;
    Vector sums[R][V], right[V];
    T* const first = c + r * c_row + col;
#pragma GCC unroll 6
    for (int64_t i = 0; i < R; ++i)
#pragma GCC unroll 4
      for (int64_t v = 0; v < V; ++v) {
        sums[i][v] = Vector{};
        if (add) std::memcpy(&sums[i][v], first + i * c_row + v * LANES<T>, BYTES);
      }
    for (int64_t k = 0; k < inner; ++k) {
#pragma GCC unroll 4
      for (int64_t v = 0; v < V; ++v) std::memcpy(&right[v], b + k * b_row + col + v * LANES<T>, BYTES);
#pragma GCC unroll 6
      for (int64_t i = 0; i < R; ++i)
#pragma GCC unroll 4
        for (int64_t v = 0; v < V; ++v) add_product(sums[i][v], a[(r + i) * row + k * step], right[v]);
    }
#pragma GCC unroll 6
    for (int64_t i = 0; i < R; ++i)
#pragma GCC unroll 4
      for (int64_t v = 0; v < V; ++v) std::memcpy(first + i * c_row + v * LANES<T>, &sums[i][v], BYTES);
  }

  template <int64_t V> void columns(int64_t m, int64_t col, bool add) const {
    int64_t r = 0;
    for (; r + ROWS <= m; r += ROWS) block<ROWS, V>(r, col, add);
    for (; r < m; ++r) block<1, V>(r, col, add);
  }

  // c = a b, or c += a b
  void run(int64_t m, int64_t n, bool add) const {
    int64_t col = 0;
    for (; col + WIDE * LANES<T> <= n; col += WIDE * LANES<T>) columns<WIDE>(m, col, add);
    for (; col + 2 * LANES<T> <= n; col += 2 * LANES<T>) columns<2>(m, col, add);
    for (; col + LANES<T> <= n; col += LANES<T>) columns<1>(m, col, add);
    for (; col < n; ++col)
      for (int64_t r = 0; r < m; ++r) {
        T sum = add ? c[r * c_row + col] : T(0);
        for (int64_t k = 0; k < inner; ++k) add_single(sum, a[r * row + k * step], b[k * b_row + col]);
        c[r * c_row + col] = sum;
      }
  }
};

}  // namespace

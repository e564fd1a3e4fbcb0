// The pass over a layer's currents that `fused.py` calls: divide, stabilise, fire, pool (M5-M8, M10).
//
// Arrays are channels-last, (samples, height, width, channels), samples time-major. One task is one
// image b with all its steps: whatever the number of threads, the same sums in the same order.
// Without `shunt` there is no division, and `balanced` is the current itself.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <type_traits>
#include <vector>

struct Job {
  int64_t steps, batch, height, width, channels;
  int64_t row;      // channels of a position of `balanced`, which holds the s_I behind the channels
  int64_t repeat;   // 1: one current per image, shown at every step
  int64_t pool;     // 1, or 2 for the mean over 2x2
  int64_t threads;
  double decay;
};

namespace {

constexpr int64_t TILE = 64;  // channels at a time; their state over all steps stays in cache

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

// call `body` with m, as a constant where a tile is full, so that its loops unroll
template <typename Body> inline void at_width(int64_t m, const Body& body) {
  if (m == TILE)
    body(std::integral_constant<int64_t, TILE>());
  else
    body(m);
}

// alpha s (1 - s), s = sigmoid(alpha (u - 1)), alpha = 4 (M8)
template <typename T> inline T surrogate(T u) {
  const T e = exponential<T>(-std::abs(T(4) * u - T(4)));
  return T(4) * e / ((T(1) + e) * (T(1) + e));
}

// the smallest entry other than 0 of a merged sample (M6)
template <typename T> T smallest(const T* shunt, int64_t count) {
  T low = std::numeric_limits<T>::infinity();
#pragma omp simd reduction(min : low)
  for (int64_t i = 0; i < count; ++i) {
    const T value = shunt[i] == T(0) ? std::numeric_limits<T>::infinity() : shunt[i];
    low = value < low ? value : low;
  }
  return low;
}

template <typename T, bool DIVIDED> struct Pass {
  const Job& job;
  const T *balanced, *shunt, *gain, *bias;
  int64_t shown, area;  // steps with a current of their own; positions of a sample

  Pass(const Job& j, const T* balanced_, const T* shunt_, const T* gain_, const T* bias_)
      : job(j), balanced(balanced_), shunt(shunt_), gain(gain_), bias(bias_),
        shown(j.repeat ? 1 : j.steps), area(j.height * j.width) {}

  int64_t position(int64_t t, int64_t b, int64_t y, int64_t x) const {
    return (t * job.batch + b) * area + y * job.width + x;
  }

  void find_floors(int64_t b, T* floors) const {
    if (!DIVIDED) return;
    for (int64_t t = 0; t < shown; ++t) {
      const int64_t count = area * job.channels;
      floors[t] = smallest(shunt + (t * job.batch + b) * count, count);
    }
  }

  // I and I's ratio balanced / I_div' of `m` channels from `c` on (M5)
  template <typename Width>
  void current(int64_t at, int64_t c, Width m, T floor, T* __restrict ratio, T* __restrict divisor,
               T* __restrict out) const {
    const T* in = balanced + at * job.row + c;
    if (!DIVIDED) {
      std::memcpy(out, in, m * sizeof(T));
      return;
    }
    const T* __restrict s = shunt + at * job.channels + c;
    const T *__restrict g = gain + c, *__restrict offset = bias + c;
#pragma omp simd
    for (int64_t i = 0; i < m; ++i) {
      divisor[i] = s[i] == T(0) ? floor : s[i];
      ratio[i] = in[i] / divisor[i];
      out[i] = offset[i] + ratio[i] * g[i];
    }
  }

  void forward(int64_t b, T* spikes) const {
    const int64_t pool = job.pool, high = job.height / pool, wide = job.width / pool;
    const T share = T(1) / T(pool * pool), decay = T(job.decay);
    std::vector<T> floors(shown), sums(job.steps * TILE);
    T ratio[TILE], divisor[TILE], i_t[TILE], v[TILE];
    find_floors(b, floors.data());
    for (int64_t oy = 0; oy < high; ++oy)
      for (int64_t ox = 0; ox < wide; ++ox)
        for (int64_t c = 0; c < job.channels; c += TILE)
          at_width(std::min(TILE, job.channels - c), [&](auto m) {
            std::fill(sums.begin(), sums.end(), T(0));
            for (int64_t part = 0; part < pool * pool; ++part) {
              const int64_t y = oy * pool + part / pool, x = ox * pool + part % pool;
              std::fill(v, v + TILE, T(0));
              for (int64_t t = 0; t < job.steps; ++t) {
                if (t < shown) current(position(t, b, y, x), c, m, floors[t], ratio, divisor, i_t);
                T* __restrict sum = sums.data() + t * TILE;
#pragma omp simd
                for (int64_t i = 0; i < m; ++i) {
                  const T u = v[i] * decay + i_t[i];
                  const T z = u >= T(1) ? T(1) : T(0);
                  v[i] = u - z;
                  sum[i] += z;
                }
              }
            }
            for (int64_t t = 0; t < job.steps; ++t) {
              const int64_t at = ((t * job.batch + b) * high + oy) * wide + ox;
              T* __restrict out = spikes + at * job.channels + c;
              const T* __restrict sum = sums.data() + t * TILE;
#pragma omp simd
              for (int64_t i = 0; i < m; ++i) out[i] = sum[i] * share;
            }
          });
  }

  // of_gain and of_bias hold one sum per channel for this image alone; of_balanced and of_shunt may be
  // balanced and shunt themselves, as every entry is read before it is written
  void backward(int64_t b, const T* gradient, T* of_balanced, T* of_shunt, double* of_gain,
                double* of_bias) const {
    const int64_t pool = job.pool, high = job.height / pool, wide = job.width / pool;
    const T share = T(1) / T(pool * pool), decay = T(job.decay);
    std::vector<T> floors(shown), ratio(shown * TILE), divisor(shown * TILE);
    std::vector<T> potential(job.steps * TILE), row_gain(job.channels), row_bias(job.channels);
    T i_t[TILE], v[TILE], d[TILE], total[TILE];
    find_floors(b, floors.data());
    for (int64_t y = 0; y < job.height; ++y) {
      std::fill(row_gain.begin(), row_gain.end(), T(0));
      std::fill(row_bias.begin(), row_bias.end(), T(0));
      for (int64_t x = 0; x < job.width; ++x)
        for (int64_t c = 0; c < job.channels; c += TILE)
          at_width(std::min(TILE, job.channels - c), [&](auto m) {
            std::fill(v, v + TILE, T(0));
            for (int64_t t = 0; t < job.steps; ++t) {
              if (t < shown)
                current(position(t, b, y, x), c, m, floors[t], ratio.data() + t * TILE,
                        divisor.data() + t * TILE, i_t);
              T* __restrict u = potential.data() + t * TILE;
#pragma omp simd
              for (int64_t i = 0; i < m; ++i) {
                u[i] = v[i] * decay + i_t[i];
                v[i] = u[i] - (u[i] >= T(1) ? T(1) : T(0));
              }
            }
            std::fill(d, d + TILE, T(0));
            std::fill(total, total + TILE, T(0));
            for (int64_t t = job.steps - 1; t >= 0; --t) {
              const int64_t at = ((t * job.batch + b) * high + y / pool) * wide + x / pool;
              const T* __restrict g = gradient + at * job.channels + c;
              const T* __restrict u = potential.data() + t * TILE;
#pragma omp simd
              for (int64_t i = 0; i < m; ++i) {
                d[i] = surrogate<T>(u[i]) * (g[i] * share) + decay * d[i];
                total[i] = job.repeat ? total[i] + d[i] : d[i];
              }
              if (t < shown)
                spread(position(t, b, y, x), c, m, total, ratio.data() + t * TILE,
                       divisor.data() + t * TILE, of_balanced, of_shunt, row_gain.data() + c,
                       row_bias.data() + c);
            }
          });
      if (DIVIDED)
        for (int64_t c = 0; c < job.channels; ++c) {
          of_gain[c] += double(row_gain[c]);
          of_bias[c] += double(row_bias[c]);
        }
    }
  }

  // the gradients of one current from that of I: straight through the stabilisation (M10)
  template <typename Width>
  void spread(int64_t at, int64_t c, Width m, const T* __restrict of_i, const T* __restrict ratio,
              const T* __restrict divisor, T* of_balanced, T* of_shunt, T* __restrict of_gain,
              T* __restrict of_bias) const {
    T* __restrict first = of_balanced + at * job.row + c;
    if (!DIVIDED) {
      std::memcpy(first, of_i, m * sizeof(T));
      return;
    }
    T* __restrict second = of_shunt + at * job.channels + c;
    const T* __restrict g = gain + c;
#pragma omp simd
    for (int64_t i = 0; i < m; ++i) {
      first[i] = of_i[i] * g[i] / divisor[i];
      second[i] = -(first[i] * ratio[i]);
      of_gain[i] += of_i[i] * ratio[i];
      of_bias[i] += of_i[i];
    }
  }
};

template <typename T, bool DIVIDED>
void run_forward(const Job& job, const T* balanced, const T* shunt, const T* gain, const T* bias, T* spikes) {
  const Pass<T, DIVIDED> pass(job, balanced, shunt, gain, bias);
#pragma omp parallel for schedule(static) num_threads(job.threads)
  for (int64_t b = 0; b < job.batch; ++b) pass.forward(b, spikes);
}

template <typename T, bool DIVIDED>
void run_backward(const Job& job, const T* balanced, const T* shunt, const T* gain, const T* bias,
                  const T* gradient, T* of_balanced, T* of_shunt, double* of_gain, double* of_bias) {
  const Pass<T, DIVIDED> pass(job, balanced, shunt, gain, bias);
#pragma omp parallel for schedule(static) num_threads(job.threads)
  for (int64_t b = 0; b < job.batch; ++b)
    pass.backward(b, gradient, of_balanced, of_shunt, of_gain + b * job.channels, of_bias + b * job.channels);
}

}  // namespace

#define EIDEPLOY_EXPORT(T, NAME)                                                                       \
  extern "C" void forward_##NAME(const Job* job, const T* balanced, const T* shunt, const T* gain,     \
                                 const T* bias, T* spikes) {                                           \
    (shunt ? run_forward<T, true> : run_forward<T, false>)(*job, balanced, shunt, gain, bias, spikes); \
  }                                                                                                    \
  extern "C" void backward_##NAME(const Job* job, const T* balanced, const T* shunt, const T* gain,    \
                                  const T* bias, const T* gradient, T* of_balanced, T* of_shunt,       \
                                  double* of_gain, double* of_bias) {                                  \
    (shunt ? run_backward<T, true> : run_backward<T, false>)(                                          \
        *job, balanced, shunt, gain, bias, gradient, of_balanced, of_shunt, of_gain, of_bias);         \
  }

EIDEPLOY_EXPORT(float, float32)
EIDEPLOY_EXPORT(double, float64)

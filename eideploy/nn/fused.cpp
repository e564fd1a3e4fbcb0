// The pass over a layer's currents that `fused.py` calls: W_EI g_I s_I, divide, stabilise, fire, pool
// (M4-M8, M10).
//
// Arrays are channels-last, (samples, height, width, channels), samples time-major. One task is one
// image b with all its steps, and what the division needs of it stays in cache. Without `weight`
// there is no division, and the currents are what fires.

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <limits>
#include <type_traits>
#include <vector>

#include <omp.h>

#include "products.h"
#include "surrogate.h"

struct Job {
  int64_t steps, batch, height, width, channels;
  int64_t row;      // channels of a position of the currents, which hold the s_I behind I_EE - I_EI
  int64_t repeat;   // 1: one current per image, shown at every step
  int64_t pool;     // 1, or 2 for the mean over 2x2
  int64_t threads;
  int64_t maps;     // products of s_I: 1, I_div; 2, I_div and what I_EE is to be added to, -I_EI
  double decay;
};

namespace {

constexpr int64_t TILE = 64;   // channels at a time; their state over all steps stays in cache
constexpr int64_t CHUNK = 64;  // positions at a time whose products with each other are summed

// call `body` with m, as a constant where a tile is full, so that its loops unroll
template <typename Body> inline void at_width(int64_t m, const Body& body) {
  if (m == TILE)
    body(std::integral_constant<int64_t, TILE>());
  else
    body(m);
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

// what a thread keeps of the image at hand
template <typename T> struct Room {
  std::vector<T> s_i;        // (shown, area, n_I)
  std::vector<T> shunt;      // (shown, area, maps * n_E); in the pass back its gradient takes its place
  std::vector<T> floors;     // (shown,)
  std::vector<T> of_weight;  // (maps * n_E, n_I)
};

template <typename T, bool DIVIDED> struct Pass {
  const Job& job;
  const T *weight, *gain, *bias;
  int64_t shown, area;       // steps with a current of their own; positions of a sample
  int64_t inhibitory, rows;  // n_I; maps * n_E
  std::vector<T> turned;     // the weight, (n_I, maps * n_E)

  Pass(const Job& j, const T* weight_, const T* gain_, const T* bias_)
      : job(j), weight(weight_), gain(gain_), bias(bias_), shown(j.repeat ? 1 : j.steps),
        area(j.height * j.width), inhibitory(j.row - j.channels), rows(j.maps * j.channels),
        turned(DIVIDED ? inhibitory * rows : 0) {
    if (DIVIDED)
      for (int64_t c = 0; c < rows; ++c)
        for (int64_t i = 0; i < inhibitory; ++i) turned[i * rows + c] = weight[c * inhibitory + i];
  }

  Room<T> room() const {
    Room<T> made;
    if (DIVIDED) {
      made.s_i.resize(shown * area * inhibitory);
      made.shunt.resize(shown * area * rows);
      made.of_weight.resize(rows * inhibitory);
    }
    made.floors.resize(shown);
    return made;
  }

  // the first position of a step of an image
  int64_t sample(int64_t t, int64_t b) const { return (t * job.batch + b) * area; }

  T* shunt(Room<T>& room, int64_t t, int64_t p, int64_t c) const {
    return DIVIDED ? room.shunt.data() + (t * area + p) * rows + c : nullptr;
  }

  // I_div of image b (M4), perhaps -I_EI, and the smallest I_div of each sample (M6)
  void find_shunt(int64_t b, const T* currents, Room<T>& room) const {
    if (!DIVIDED) return;
    for (int64_t t = 0; t < shown; ++t)
      for (int64_t p = 0; p < area; ++p)
        std::memcpy(room.s_i.data() + (t * area + p) * inhibitory,
                    currents + (sample(t, b) + p) * job.row + job.channels, inhibitory * sizeof(T));
    Product<T>{room.s_i.data(), inhibitory, 1, turned.data(), rows, room.shunt.data(), rows, inhibitory}
        .run(shown * area, rows, false);
    const int64_t together = job.maps == 1 ? area : 1;  // positions whose I_div are neighbours
    for (int64_t t = 0; t < shown; ++t) {
      room.floors[t] = std::numeric_limits<T>::infinity();
      for (int64_t p = 0; p < area; p += together)
        room.floors[t] = std::min(room.floors[t], smallest(shunt(room, t, p, 0), together * job.channels));
    }
  }

  // the gradients of s_I, in its place, and of the weight from those of its products for image b
  void leave_shunt(int64_t b, T* currents, Room<T>& room, T* of_weight) const {
    if (!DIVIDED) return;
    for (int64_t t = 0; t < shown; ++t)
      Product<T>{shunt(room, t, 0, 0), rows, 1, weight, inhibitory,
                 currents + sample(t, b) * job.row + job.channels, job.row, rows}
          .run(area, inhibitory, false);
    for (int64_t p = 0; p < shown * area; p += CHUNK)
      Product<T>{shunt(room, 0, p, 0), 1, rows, room.s_i.data() + p * inhibitory, inhibitory,
                 room.of_weight.data(), inhibitory, std::min(CHUNK, shown * area - p)}
          .run(rows, inhibitory, p > 0);
    for (int64_t i = 0; i < rows * inhibitory; ++i) of_weight[i] += room.of_weight[i];
  }

  // I and I's ratio balanced / I_div' of `m` channels (M5)
  template <typename Width>
  void current(const T* in, const T* __restrict s, int64_t c, Width m, T floor, T* __restrict ratio,
               T* __restrict divisor, T* __restrict out) const {
    if (!DIVIDED) {
      std::memcpy(out, in, m * sizeof(T));
      return;
    }
    const T *__restrict g = gain + c, *__restrict offset = bias + c;
    T sum[TILE];
    if (job.maps == 2) {
#pragma omp simd
      for (int64_t i = 0; i < m; ++i) sum[i] = in[i] + s[job.channels + i];
      in = sum;
    }
#pragma omp simd
    for (int64_t i = 0; i < m; ++i) {
      divisor[i] = s[i] == T(0) ? floor : s[i];
      ratio[i] = in[i] / divisor[i];
      out[i] = offset[i] + ratio[i] * g[i];
    }
  }

  void forward(int64_t b, const T* currents, Room<T>& room, T* spikes) const {
    const int64_t pool = job.pool, high = job.height / pool, wide = job.width / pool;
    const T share = T(1) / T(pool * pool), decay = T(job.decay);
    std::vector<T> sums(job.steps * TILE);
    T ratio[TILE], divisor[TILE], i_t[TILE], v[TILE];
    find_shunt(b, currents, room);
    for (int64_t oy = 0; oy < high; ++oy)
      for (int64_t ox = 0; ox < wide; ++ox)
        for (int64_t c = 0; c < job.channels; c += TILE)
          at_width(std::min(TILE, job.channels - c), [&](auto m) {
            std::fill(sums.begin(), sums.end(), T(0));
            for (int64_t part = 0; part < pool * pool; ++part) {
              const int64_t p = (oy * pool + part / pool) * job.width + ox * pool + part % pool;
              std::fill(v, v + TILE, T(0));
              for (int64_t t = 0; t < job.steps; ++t) {
                if (t < shown)
                  current(currents + (sample(t, b) + p) * job.row + c, shunt(room, t, p, c), c, m, room.floors[t],
                          ratio, divisor, i_t);
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

  // the gradients of the currents take their place; of_weight, of_gain and of_bias are added to
  void backward(int64_t b, T* currents, const T* gradient, Room<T>& room, T* of_weight, double* of_gain,
                double* of_bias) const {
    const int64_t pool = job.pool, high = job.height / pool, wide = job.width / pool;
    const T share = T(1) / T(pool * pool), decay = T(job.decay);
    std::vector<T> ratio(shown * TILE), divisor(shown * TILE);
    std::vector<T> potential(job.steps * TILE), row_gain(job.channels), row_bias(job.channels);
    T i_t[TILE], v[TILE], d[TILE], total[TILE];
    find_shunt(b, currents, room);
    for (int64_t y = 0; y < job.height; ++y) {
      std::fill(row_gain.begin(), row_gain.end(), T(0));
      std::fill(row_bias.begin(), row_bias.end(), T(0));
      for (int64_t x = 0; x < job.width; ++x) {
        const int64_t p = y * job.width + x;
        for (int64_t c = 0; c < job.channels; c += TILE)
          at_width(std::min(TILE, job.channels - c), [&](auto m) {
            std::fill(v, v + TILE, T(0));
            for (int64_t t = 0; t < job.steps; ++t) {
              if (t < shown)
                current(currents + (sample(t, b) + p) * job.row + c, shunt(room, t, p, c), c, m, room.floors[t],
                        ratio.data() + t * TILE, divisor.data() + t * TILE, i_t);
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
                spread(currents + (sample(t, b) + p) * job.row + c, shunt(room, t, p, c), c, m, total,
                       ratio.data() + t * TILE, divisor.data() + t * TILE, row_gain.data() + c,
                       row_bias.data() + c);
            }
          });
      }
      if (DIVIDED)
        for (int64_t c = 0; c < job.channels; ++c) {
          of_gain[c] += double(row_gain[c]);
          of_bias[c] += double(row_bias[c]);
        }
    }
    leave_shunt(b, currents, room, of_weight);
  }

  // the gradients of one current from that of I: straight through the stabilisation (M10)
  template <typename Width>
  void spread(T* __restrict first, T* __restrict second, int64_t c, Width m, const T* __restrict of_i,
              const T* __restrict ratio, const T* __restrict divisor, T* __restrict of_gain,
              T* __restrict of_bias) const {
    if (!DIVIDED) {
      std::memcpy(first, of_i, m * sizeof(T));
      return;
    }
    const T* __restrict g = gain + c;
#pragma omp simd
    for (int64_t i = 0; i < m; ++i) {
      first[i] = of_i[i] * g[i] / divisor[i];
      second[i] = -(first[i] * ratio[i]);
      of_gain[i] += of_i[i] * ratio[i];
      of_bias[i] += of_i[i];
    }
    if (job.maps == 2) std::memcpy(second + job.channels, first, m * sizeof(T));
  }
};

template <typename T, bool DIVIDED>
void run_forward(const Job& job, const T* currents, const T* weight, const T* gain, const T* bias, T* spikes) {
  const Pass<T, DIVIDED> pass(job, weight, gain, bias);
#pragma omp parallel num_threads(job.threads)
  {
    auto room = pass.room();
#pragma omp for schedule(static)
    for (int64_t b = 0; b < job.batch; ++b) pass.forward(b, currents, room, spikes);
  }
}

template <typename T, bool DIVIDED>
void run_backward(const Job& job, T* currents, const T* weight, const T* gain, const T* bias, const T* gradient,
                  T* of_weight, double* of_gain, double* of_bias) {
  const Pass<T, DIVIDED> pass(job, weight, gain, bias);
#pragma omp parallel num_threads(job.threads)
  {
    auto room = pass.room();
    T* mine = of_weight + omp_get_thread_num() * pass.rows * pass.inhibitory;
#pragma omp for schedule(static)
    for (int64_t b = 0; b < job.batch; ++b)
      pass.backward(b, currents, gradient, room, mine, of_gain + b * job.channels, of_bias + b * job.channels);
  }
}

}  // namespace

// of_weight holds a sum for each thread, of_gain and of_bias one for each image
#define EIDEPLOY_EXPORT(T, NAME)                                                                               \
  extern "C" void forward_##NAME(const Job* job, const T* currents, const T* weight, const T* gain,            \
                                 const T* bias, T* spikes) {                                                   \
    (weight ? run_forward<T, true> : run_forward<T, false>)(*job, currents, weight, gain, bias, spikes);       \
  }                                                                                                            \
  extern "C" void backward_##NAME(const Job* job, T* currents, const T* weight, const T* gain, const T* bias,  \
                                  const T* gradient, T* of_weight, double* of_gain, double* of_bias) {         \
    (weight ? run_backward<T, true> : run_backward<T, false>)(*job, currents, weight, gain, bias, gradient,    \
                                                              of_weight, of_gain, of_bias);                    \
  }

EIDEPLOY_EXPORT(float, float32)
EIDEPLOY_EXPORT(double, float64)

extern "C" const char* compiler() {
#if defined(__clang__)
  return "clang " __clang_version__;
#else
  return "gcc " __VERSION__;
#endif
}

// The steps of definition.py, many times faster: LANES images side by side, spikes sent on by a list
// of who hears them. kernel.py calls it.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "membrane.h"

struct Job {
  int64_t inputs, neurons, steps, linear;
  int64_t first, seed;  // the batch's lane that lane 0 is; of what becomes of events
  double dt, lost, doubled, spacing;
};

constexpr int RECEPTORS = 4;
constexpr int64_t OF_CAMS = 0x5CA3;  // as in definition.py
enum { AMPA, NMDA, GABA, SHUNT, ADAPTATION };

// of every neuron, as in units.Step; kernel.py gives it in doubles
template <typename T> struct Neuron {
  T h, reset, threshold, refractory, floor, direct, gate, adaptation;
  T decay[RECEPTORS + 1], mean[RECEPTORS + 1], scale[RECEPTORS], rest[RECEPTORS];
};
using Given = Neuron<double>;

namespace {

// a chance in 0 to 1, as definition.drawn has it
double drawn(const Job& job, int64_t number, int64_t t, int lane, int64_t seed) {
  uint32_t mixed = static_cast<uint32_t>(number) * 0x9E3779B1u ^
                   static_cast<uint32_t>(job.first + lane) * 0xC2B2AE3Du ^
                   static_cast<uint32_t>(t) * 0x85EBCA77u ^
                   static_cast<uint32_t>(seed) * 0x27D4EB2Fu;
  mixed = (mixed ^ mixed >> 16) * 0x7FEB352Du;
  mixed = (mixed ^ mixed >> 15) * 0x846CA68Bu;
  return (mixed ^ mixed >> 16) / 4294967296.0;
}

// how often an event arrives, as definition.copies has it
int copies(const Job& job, int64_t source, int64_t t, int lane) {
  const double chance = drawn(job, source, t, lane, job.seed);
  return 1 - (chance < job.lost) + (chance >= 1 - job.doubled);
}

// how many events the bus takes in a step, as definition.room has it
double room(const Job& job, int64_t t) {
  return std::floor((t + 1) * job.dt / job.spacing) - std::floor(t * job.dt / job.spacing);
}

template <typename T> struct Vector;
template <> struct Vector<float> { using type = Floats; };
template <> struct Vector<double> { using type = Doubles; };

// the neurons in the precision of the simulation; h of a second, not of a step
template <typename T> std::vector<Neuron<T>> converted(const Job& job, const Given* given) {
  constexpr size_t NUMBERS = sizeof(Given) / sizeof(double);
  std::vector<Neuron<T>> made(job.neurons);
  for (int64_t n = 0; n < job.neurons; ++n) {
    const double* from = &given[n].h;
    std::copy(from, from + NUMBERS, &made[n].h);
    made[n].h = static_cast<T>(given[n].h / job.dt);
  }
  return made;
}

// what a dendrite passes to the membrane in the mean over a step
template <typename V, typename T> V passed(const V& x, const Neuron<T>& c, int d) {
  return larger<V>(x * c.mean[d], V{} + c.rest[d]) * c.scale[d];
}

template <typename V> bool some(const V& mask) {
  bool found = false;
  for (int l = 0; l < LANES; ++l) found |= mask[l] != 0;
  return found;
}

// Which lanes of which dendrites a step's events charge. In most steps few of the images have an
// event at a dendrite, hence (D6) is computed for those alone, put side by side.
template <typename V, typename T> struct Charged {
  std::vector<uint32_t> at;  // dendrite * LANES + lane
  std::vector<V> before, charge;
  size_t size = 0;

  explicit Charged(int64_t dendrites)
      : at((dendrites + 1) * LANES), before(dendrites, V{} + T(1)), charge(dendrites) {}

  void add(int64_t dendrite, const V& charges) {
    for (int l = 0; l < LANES; ++l) {
      at[size] = static_cast<uint32_t>(dendrite * LANES + l);
      size += charges[l] > 0;
    }
  }

  void grow(std::vector<V>& x, const std::vector<V>& charges) {
    for (size_t k = 0; k < size; ++k) {
      before[k / LANES][k % LANES] = x[at[k] / LANES][at[k] % LANES];
      charge[k / LANES][k % LANES] = charges[at[k] / LANES][at[k] % LANES];
    }
    for (size_t k = 0; k * LANES < size; ++k) before[k] = charged<V, T>(before[k], charge[k]);
    for (size_t k = 0; k < size; ++k)
      x[at[k] / LANES][at[k] % LANES] = before[k / LANES][k % LANES];
    size = 0;
  }
};

constexpr int64_t TOGETHER = 64;  // neurons whose dendrites stay in the nearest cache

// first: (inputs + neurons + 1,), the synapses of each source; target: neuron * RECEPTORS + receptor
// fails: how often a synapse's CAM misses an event, or null where none does; cam: its number
template <typename T>
void run(const Job& job, const Given* given, const int64_t* first, const int32_t* target,
         const double* strength, const double* fails, const int64_t* cam, const uint8_t* events,
         uint8_t* spikes, int32_t* counts) {
  using V = typename Vector<T>::type;
  constexpr V NOTHING = {};
  const T dt = static_cast<T>(job.dt);
  const int64_t dendrites = job.neurons * RECEPTORS, sources = job.inputs + job.neurons;
  const std::vector<Neuron<T>> neurons = converted<T>(job, given);
  std::vector<V> x(dendrites), mean(dendrites), v(job.neurons), wait(job.neurons, NOTHING);
  std::vector<V> charges(dendrites, NOTHING), sent(job.neurons, NOTHING);
  std::vector<V> tired(job.neurons, NOTHING);
  std::vector<uint8_t> any(job.neurons, 0), reached(dendrites, 0), listens(dendrites, 0);
  std::vector<T> weight(strength, strength + first[sources]);
  for (int64_t k = 0; k < first[sources]; ++k) listens[target[k]] = 1;
  for (int64_t n = 0; n < job.neurons; ++n) {
    v[n] = NOTHING + neurons[n].reset;
    for (int d = 0; d < RECEPTORS; ++d) {
      const int64_t at = n * RECEPTORS + d;
      x[at] = NOTHING + neurons[n].rest[d];
      mean[at] = passed<V, T>(x[at], neurons[n], d);
    }
  }
  Charged<V, T> hit(TOGETHER * RECEPTORS);
  const bool faulty = job.lost > 0 || job.doubled > 0, shared = job.spacing > 0;
  std::vector<V> waiting(shared ? sources : 0, NOTHING);
  std::vector<uint8_t> waits(sources, 0);
  V left = NOTHING;
  const auto deliver = [&](int64_t source, V amount, int64_t t) {
    if (shared) {
      const V asked = waiting[source] + amount;
      amount = asked < left ? asked : left;
      left -= amount;
      waiting[source] = asked - amount;
      waits[source] = some<V>(waiting[source]);
    }
    if (faulty)
      for (int l = 0; l < LANES; ++l)
        if (amount[l] != 0) amount[l] *= copies(job, source, t, l);
    for (int64_t k = first[source]; k < first[source + 1]; ++k) {
      V heard = amount;
      if (fails && fails[k] > 0)
        for (int l = 0; l < LANES; ++l)
          if (heard[l] != 0 && drawn(job, cam[k], t, l, job.seed + OF_CAMS) < fails[k]) heard[l] = 0;
      charges[target[k]] += weight[k] * heard;
      reached[target[k]] = 1;
    }
  };
  const auto advance_dendrites = [&](int64_t from, int64_t to) {
    for (int64_t at = from * RECEPTORS; at < to * RECEPTORS; ++at) {
      if (!listens[at]) continue;
      const int d = at % RECEPTORS;
      const Neuron<T>& c = neurons[at / RECEPTORS];
      x[at] = larger<V>(x[at] * c.decay[d], NOTHING + c.rest[d]);
      if (!reached[at]) continue;
      if (job.linear) x[at] += charges[at];
      else hit.add(at, charges[at]);
    }
    hit.grow(x, charges);
    for (int64_t at = from * RECEPTORS; at < to * RECEPTORS; ++at) {
      if (!listens[at]) continue;
      mean[at] = passed<V, T>(x[at], neurons[at / RECEPTORS], at % RECEPTORS);
      if (reached[at]) charges[at] = NOTHING;
      reached[at] = 0;
    }
  };
  // in two loops, the second so short that the processor works on several neurons at once
  std::vector<V> input(TOGETHER), shunt(TOGETHER), open(TOGETHER), next(TOGETHER);
  const auto advance_membranes = [&](int64_t from, int64_t to) {
    for (int64_t n = from; n < to; ++n) {
      const Neuron<T>& c = neurons[n];
      const V* of = &mean[n * RECEPTORS];
      V leak = of[SHUNT], slow = of[NMDA];
      if (c.adaptation != 0) {
        tired[n] = tired[n] * c.decay[ADAPTATION] + sent[n] * c.adaptation;
        leak += tired[n] * c.mean[ADAPTATION];
      }
      if (c.gate != 0) slow /= c.gate / v[n] + T(1);
      shunt[n - from] = leak + T(1);
      input[n - from] = larger<V>(of[AMPA] + slow - of[GABA] + c.direct, NOTHING + c.floor);
      open[n - from] = larger<V>(dt - wait[n], NOTHING);
    }
    for (int64_t n = from; n < to; ++n) {
      const int64_t k = n - from;
      next[k] = Advance<V>(v[n], input[k], shunt[k], open[k] * neurons[n].h).next;
    }
  };
  // resets a neuron's lanes that have reached the threshold; whether there are any
  const auto fire = [&](int64_t n, const V& to, const V& open) {
    const Neuron<T>& c = neurons[n];
    const auto fired = to >= c.threshold;
    const V reset = NOTHING + c.reset, rest = larger<V>(wait[n] - dt, NOTHING);
    const V later = larger<V>(to, reset);
    const bool any = some(fired);
    if (any) {
      const V late = open * (to - c.threshold) / (fired ? to - v[n] : NOTHING + T(1));
      wait[n] = fired ? c.refractory - late : rest;
      v[n] = fired ? reset : later;
      sent[n] = fired ? NOTHING + T(1) : NOTHING;
    } else {
      wait[n] = rest;
      v[n] = later;
    }
    return any;
  };
  for (int64_t t = 0; t < job.steps; ++t) {
    if (shared) left = NOTHING + static_cast<T>(room(job, t));
    for (int64_t s = 0; s < job.inputs; ++s) {
      const uint8_t* event = events + (s * job.steps + t) * LANES;
      V amount = NOTHING;
      bool some = false;
      for (int l = 0; l < LANES; ++l) some |= event[l] != 0, amount[l] = event[l];
      if (some || waits[s]) deliver(s, amount, t);
    }
    for (int64_t n = 0; n < job.neurons; ++n)
      if (any[n] || waits[job.inputs + n]) deliver(job.inputs + n, sent[n], t);
    for (int64_t from = 0; from < job.neurons; from += TOGETHER) {
      const int64_t to = std::min(from + TOGETHER, job.neurons);
      advance_dendrites(from, to);
      advance_membranes(from, to);
      for (int64_t n = from; n < to; ++n) {
        if (any[n]) sent[n] = NOTHING;
        any[n] = fire(n, next[n - from], open[n - from]);
        if (!any[n]) continue;
        for (int l = 0; l < LANES; ++l) counts[n * LANES + l] += sent[n][l] != 0;
        if (spikes)
          for (int l = 0; l < LANES; ++l)
            spikes[(n * job.steps + t) * LANES + l] = sent[n][l] != 0;
      }
    }
  }
}

}  // namespace

extern "C" {

// events: (inputs, steps, LANES); spikes: (neurons, steps, LANES), zeros, or null; counts: (neurons, LANES)
void dpi_run32(const Job* job, const Given* neurons, const int64_t* first, const int32_t* target,
               const double* strength, const double* fails, const int64_t* cam,
               const uint8_t* events, uint8_t* spikes, int32_t* counts) {
  run<float>(*job, neurons, first, target, strength, fails, cam, events, spikes, counts);
}

void dpi_run64(const Job* job, const Given* neurons, const int64_t* first, const int32_t* target,
               const double* strength, const double* fails, const int64_t* cam,
               const uint8_t* events, uint8_t* spikes, int32_t* counts) {
  run<double>(*job, neurons, first, target, strength, fails, cam, events, spikes, counts);
}
}

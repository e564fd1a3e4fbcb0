// The steps of definition.py, many times faster: LANES images side by side, spikes sent on by a list
// of who hears them. kernel.py calls it.

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
enum { AMPA, NMDA, GABA, SHUNT, ADAPTATION };

// of every neuron, as in units.Step
struct Neuron {
  double h, reset, threshold, refractory, floor, direct, gate, adaptation;
  double decay[RECEPTORS + 1], mean[RECEPTORS + 1], scale[RECEPTORS], rest[RECEPTORS];
};

namespace {

// how often an event arrives, as definition.copies has it
int copies(const Job& job, int64_t source, int64_t t, int lane) {
  uint32_t mixed = static_cast<uint32_t>(source) * 0x9E3779B1u ^
                   static_cast<uint32_t>(job.first + lane) * 0xC2B2AE3Du ^
                   static_cast<uint32_t>(t) * 0x85EBCA77u ^
                   static_cast<uint32_t>(job.seed) * 0x27D4EB2Fu;
  mixed = (mixed ^ mixed >> 16) * 0x7FEB352Du;
  mixed = (mixed ^ mixed >> 15) * 0x846CA68Bu;
  const double drawn = (mixed ^ mixed >> 16) / 4294967296.0;
  return 1 - (drawn < job.lost) + (drawn >= 1 - job.doubled);
}

// how many events the bus takes in a step, as definition.room has it
double room(const Job& job, int64_t t) {
  return std::floor((t + 1) * job.dt / job.spacing) - std::floor(t * job.dt / job.spacing);
}

template <typename T> struct Vector;
template <> struct Vector<float> { using type = Floats; };
template <> struct Vector<double> { using type = Doubles; };

// first: (inputs + neurons + 1,), the synapses of each source; target: neuron * RECEPTORS + receptor
template <typename T>
void run(const Job& job, const Neuron* neurons, const int64_t* first, const int32_t* target,
         const double* strength, const uint8_t* events, uint8_t* spikes, int32_t* counts) {
  using V = typename Vector<T>::type;
  constexpr V NOTHING = {};
  const T dt = static_cast<T>(job.dt);
  const int64_t dendrites = job.neurons * RECEPTORS;
  std::vector<V> x(dendrites), v(job.neurons), wait(job.neurons, NOTHING);
  std::vector<V> charges(dendrites, NOTHING), sent(job.neurons, NOTHING);
  std::vector<V> tired(job.neurons, NOTHING);
  std::vector<uint8_t> any(job.neurons, 0), reached(dendrites, 0);
  std::vector<T> weight(strength, strength + first[job.inputs + job.neurons]);
  for (int64_t n = 0; n < job.neurons; ++n) {
    v[n] = NOTHING + static_cast<T>(neurons[n].reset);
    for (int d = 0; d < RECEPTORS; ++d)
      x[n * RECEPTORS + d] = NOTHING + static_cast<T>(neurons[n].rest[d]);
  }
  const bool faulty = job.lost > 0 || job.doubled > 0, shared = job.spacing > 0;
  std::vector<V> waiting(shared ? job.inputs + job.neurons : 0, NOTHING);
  std::vector<uint8_t> waits(job.inputs + job.neurons, 0);
  V left = NOTHING;
  const auto deliver = [&](int64_t source, V amount, int64_t t) {
    if (shared) {
      const V asked = waiting[source] + amount;
      amount = asked < left ? asked : left;
      left -= amount;
      waiting[source] = asked - amount;
      waits[source] = 0;
      for (int l = 0; l < LANES; ++l) waits[source] |= waiting[source][l] != 0;
    }
    if (faulty)
      for (int l = 0; l < LANES; ++l)
        if (amount[l] != 0) amount[l] *= copies(job, source, t, l);
    for (int64_t k = first[source]; k < first[source + 1]; ++k) {
      charges[target[k]] += weight[k] * amount;
      reached[target[k]] = 1;
    }
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
    for (int64_t n = 0; n < job.neurons; ++n) {
      const Neuron& c = neurons[n];
      V mean[RECEPTORS + 1];
      for (int d = 0; d < RECEPTORS; ++d) {
        const int64_t at = n * RECEPTORS + d;
        const V rest = NOTHING + static_cast<T>(c.rest[d]);
        x[at] = larger<V>(x[at] * static_cast<T>(c.decay[d]), rest);
        if (reached[at]) {
          x[at] = job.linear ? x[at] + charges[at] : charged<V, T>(x[at], charges[at]);
          charges[at] = NOTHING;
          reached[at] = 0;
        }
        mean[d] = larger<V>(x[at] * static_cast<T>(c.mean[d]), rest) * static_cast<T>(c.scale[d]);
      }
      tired[n] = tired[n] * static_cast<T>(c.decay[ADAPTATION]) +
                 sent[n] * static_cast<T>(c.adaptation);
      mean[ADAPTATION] = tired[n] * static_cast<T>(c.mean[ADAPTATION]);
      const V slow = mean[NMDA] / (static_cast<T>(c.gate) / v[n] + T(1));
      const V input = mean[AMPA] + slow - mean[GABA] + static_cast<T>(c.direct);
      const V shunt = mean[SHUNT] + mean[ADAPTATION] + T(1);
      const V open = larger<V>(dt - wait[n], NOTHING);
      const Advance<V> to(v[n], larger<V>(input, NOTHING + static_cast<T>(c.floor)), shunt,
                          open * static_cast<T>(c.h / job.dt));
      const T threshold = static_cast<T>(c.threshold);
      const auto fired = to.next >= threshold;
      const V left = open * (to.next - threshold) / (fired ? to.next - v[n] : NOTHING + T(1));
      const V reset = NOTHING + static_cast<T>(c.reset);
      wait[n] = fired ? static_cast<T>(c.refractory) - left : larger<V>(wait[n] - dt, NOTHING);
      v[n] = fired ? reset : larger<V>(to.next, reset);
      sent[n] = fired ? NOTHING + T(1) : NOTHING;
      any[n] = 0;
      for (int l = 0; l < LANES; ++l) any[n] |= fired[l] != 0;
      if (!any[n]) continue;
      for (int l = 0; l < LANES; ++l) counts[n * LANES + l] += fired[l] != 0;
      if (spikes)
        for (int l = 0; l < LANES; ++l)
          spikes[(n * job.steps + t) * LANES + l] = fired[l] != 0;
    }
  }
}

}  // namespace

extern "C" {

// events: (inputs, steps, LANES); spikes: (neurons, steps, LANES), zeros, or null; counts: (neurons, LANES)
void dpi_run32(const Job* job, const Neuron* neurons, const int64_t* first, const int32_t* target,
               const double* strength, const uint8_t* events, uint8_t* spikes, int32_t* counts) {
  run<float>(*job, neurons, first, target, strength, events, spikes, counts);
}

void dpi_run64(const Job* job, const Neuron* neurons, const int64_t* first, const int32_t* target,
               const double* strength, const uint8_t* events, uint8_t* spikes, int32_t* counts) {
  run<double>(*job, neurons, first, target, strength, events, spikes, counts);
}
}

// Feed-forward networks of DPI neurons through time, forward and back, for `dynamics.py`.
//
// One call is one group of LANES images on one chip's mismatch. Neurons come in the order of their
// populations, each with all its steps before the next, so that a neuron's history stays in cache.
// Arrays of time are (source, steps, LANES).

#include <cstdint>
#include <algorithm>
#include <vector>

#include "membrane.h"

struct Job {
  int64_t sources, neurons, steps;  // input sources come first among the sources of a CAM
  int64_t linear;                   // dendrites add charges up, as in units.Step
  float slope;                      // of the surrogate gradient
  float dead;                       // share of the gradient that passes a floored input current
};

// of every neuron: constants of a step; dendrites are AMPA, GABA_B, shunt
struct Neuron {
  float h, step, reset, threshold, refractory, floor, direct, dark;
  float decay[3], mean[3];   // e^(-dt/tau), and a current's mean over a step
  float scale[3], rest[3];   // from a dendrite's current in gains to leaks; its dark current
};

constexpr int KEPT = 7;

namespace {

constexpr Floats NOTHING = {};

// what backward needs of a neuron's history, each (steps,); of dendrites after a step's charges
struct History {
  Floats *v, *input, *shunt, *open, *dendrite[3];

  History(Floats* kept, const Job& job, int64_t n)
      : v(kept + KEPT * n * job.steps), input(v + job.steps), shunt(input + job.steps),
        open(shunt + job.steps) {
    for (int d = 0; d < 3; ++d) dendrite[d] = open + (d + 1) * job.steps;
  }
};

// one dendrite's current before a step's charges, from that after those of the step before
inline Floats decayed(const Floats& x, const Neuron& c, int d) {
  return larger<Floats>(x * c.decay[d], NOTHING + c.rest[d]);
}

// its mean over the step, in leaks
inline Floats current(const Floats& x, const Neuron& c, int d) {
  return larger<Floats>(x * c.mean[d], NOTHING + c.rest[d]) * c.scale[d];
}

// the events of a neuron reach another one step later, those of the input at once
int64_t delay(const Job& job, int32_t source) { return source < job.sources ? 0 : 1; }

bool some(const Floats& x) {
  float sum = 0;
  for (int l = 0; l < LANES; ++l) sum += x[l];
  return sum > 0;
}

// the steps in which a source sends anything, in order
struct Active {
  std::vector<int32_t> steps;
  std::vector<int64_t> first;

  Active(const Job& job) : first(job.sources + job.neurons + 1, 0) {}

  void add(const Floats* spikes, const Job& job, int64_t source) {
    for (int64_t t = 0; t < job.steps; ++t) {
      if (some(spikes[source * job.steps + t])) steps.push_back(static_cast<int32_t>(t));
    }
    first[source + 1] = static_cast<int64_t>(steps.size());
  }
  const int32_t* begin(int64_t source) const { return steps.data() + first[source]; }
  // where the steps end whose events arrive before the last step does
  const int32_t* end(int64_t source, int64_t late, int64_t last) const {
    const int32_t *from = begin(source), *to = steps.data() + first[source + 1];
    return to > from && to[-1] + late >= last ? to - 1 : to;
  }
};

Floats absolute(const Floats& x) { return x < 0.0f ? -x : x; }

}  // namespace

extern "C" {

// first: (neurons + 1,) ranges of CAMs; source, dendrite, weight: (CAMs,); spikes: (sources + neurons,
// steps), the inputs' given; kept: (neurons, KEPT, steps)
void dynapse2_forward(const Job* given, const Neuron* neurons, const int64_t* first,
                      const int32_t* source, const uint8_t* dendrite, const float* weight,
                      Floats* spikes, Floats* kept) {
  const Job job = *given;
  std::vector<Floats> buffer(3 * job.steps);
  Active active(job);
  for (int64_t s = 0; s < job.sources; ++s) active.add(spikes, job, s);
  for (int64_t n = 0; n < job.neurons; ++n) {
    const Neuron c = neurons[n];
    std::fill(buffer.begin(), buffer.end(), NOTHING);
    for (int64_t k = first[n]; k < first[n + 1]; ++k) {
      const int64_t late = delay(job, source[k]);
      const Floats* from = spikes + source[k] * job.steps;
      Floats* to = &buffer[dendrite[k] * job.steps + late];
      const int32_t* end = active.end(source[k], late, job.steps);
      for (const int32_t* t = active.begin(source[k]); t < end; ++t) to[*t] += weight[k] * from[*t];
    }
    Floats* own = spikes + (job.sources + n) * job.steps;
    const History past(kept, job, n);
    Floats x[3], wait = NOTHING, v = NOTHING + c.reset;
    for (int d = 0; d < 3; ++d) x[d] = NOTHING + c.rest[d];
    for (int64_t t = 0; t < job.steps; ++t) {
      for (int d = 0; d < 3; ++d) {
        const Floats charge = buffer[d * job.steps + t];
        x[d] = decayed(x[d], c, d);
        if (job.linear) x[d] += charge;
        else if (some(charge)) x[d] = charged<Floats, float>(x[d], charge);
        past.dendrite[d][t] = x[d];
      }
      const Floats raw = current(x[0], c, 0) + c.dark - current(x[1], c, 1) + c.direct;
      const Floats shunt = current(x[2], c, 2) + 1.0f;
      const Floats open = larger(c.step - wait, NOTHING);
      const Advance<Floats> to(v, larger(raw, NOTHING + c.floor), shunt, open * c.h);
      const auto fired = to.next >= c.threshold;
      const Floats left = open * (to.next - c.threshold) / (fired ? to.next - v : NOTHING + 1.0f);
      past.v[t] = v;
      past.input[t] = raw;
      past.shunt[t] = shunt;
      past.open[t] = open * c.h;
      own[t] = fired ? NOTHING + 1.0f : NOTHING;
      wait = fired ? c.refractory - left : larger(wait - c.step, NOTHING);
      v = fired ? NOTHING + c.reset : larger(to.next, NOTHING + c.reset);
    }
    active.add(spikes, job, job.sources + n);
  }
}

// of_spikes: (sources + neurons, steps), the loss's gradient, to which that of later neurons is added;
// of_weight: (CAMs,)
void dynapse2_backward(const Job* given, const Neuron* neurons, const int64_t* first,
                       const int32_t* source, const uint8_t* dendrite, const float* weight,
                       const Floats* spikes, Floats* kept, Floats* of_spikes, float* of_weight) {
  const Job job = *given;
  std::vector<Floats> buffer(3 * job.steps);
  Active active(job);
  for (int64_t s = 0; s < job.sources + job.neurons; ++s) active.add(spikes, job, s);
  for (int64_t n = job.neurons - 1; n >= 0; --n) {
    const Neuron c = neurons[n];
    const Floats* own = of_spikes + (job.sources + n) * job.steps;
    const History past(kept, job, n);
    Floats of_x[3] = {NOTHING, NOTHING, NOTHING}, of_v = NOTHING;  // of_x: of the next step's
    for (int64_t t = job.steps - 1; t >= 0; --t) {
      const Floats raw = past.input[t], v = past.v[t], h = past.open[t];
      const Floats input = larger(raw, NOTHING + c.floor);
      const Advance<Floats> to(v, input, past.shunt[t], h);
      const Floats off = absolute(to.next / c.threshold - 1.0f) * job.slope + 1.0f;
      const Floats kept_v = to.next < c.threshold ? of_v : NOTHING;
      const Floats through = to.next > c.reset ? kept_v : NOTHING;
      const Floats through_all = through + own[t] * job.slope / (off * off * c.threshold);
      const Floats of_next = h > 0.0f ? through_all : NOTHING;
      const Floats inner = 1.0f / (to.middle + 1.0f), outer = 1.0f / (v + 1.0f);
      const Floats slip = -input * inner * inner;  // d rate / d middle
      const Floats scale = of_next * to.next * h, half = h * to.middle * 0.5f;
      const Floats of_input = scale * (inner + slip * half * outer);
      const Floats of_shunt = -scale * (slip * half + 1.0f);
      of_v = of_next * (to.next / v) + scale * slip * (to.half - half * input * outer * outer);
      const Floats passed = raw > c.floor ? of_input : of_input * job.dead;
      const Floats of_current[3] = {passed, -passed, of_shunt};
      for (int d = 0; d < 3; ++d) {
        const Floats w = past.dendrite[d][t], rest = NOTHING + c.rest[d];
        const Floats of_mean = of_current[d] * (c.scale[d] * c.mean[d]);
        const Floats of_w = (w * c.mean[d] > rest ? of_mean : NOTHING) +
                            (w * c.decay[d] > rest ? of_x[d] * c.decay[d] : NOTHING);
        const Floats x = t > 0 ? decayed(past.dendrite[d][t - 1], c, d) : rest;
        const Floats share = job.linear ? NOTHING + 1.0f : w / (w + 1.0f);  // dw / d charge
        buffer[d * job.steps + t] = of_w * share;
        of_x[d] = job.linear ? of_w : of_w * share * (1.0f + 1.0f / x);
      }
    }
    for (int64_t k = first[n]; k < first[n + 1]; ++k) {
      const int64_t late = delay(job, source[k]);
      const Floats* reached = &buffer[dendrite[k] * job.steps + late];
      const Floats* from = spikes + source[k] * job.steps;
      Floats sum = NOTHING;
      const int32_t* end = active.end(source[k], late, job.steps);
      for (const int32_t* t = active.begin(source[k]); t < end; ++t) sum += reached[*t] * from[*t];
      for (int l = 0; l < LANES; ++l) of_weight[k] += sum[l];
      if (!late) continue;
      Floats* to = of_spikes + source[k] * job.steps;
      for (int64_t t = 0; t < job.steps - late; ++t) to[t] += weight[k] * reached[t];
    }
  }
}
}

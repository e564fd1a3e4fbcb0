// Drives the digital core in Verilator: loads its memories, sends words, writes down what happens.
//
//   testbench IMAGES WORDS TRACE [gap=PERMILLE] [stall=PERMILLE] [meddle=PERMILLE] [aborts=N] [seed=N]
//     [limit=CYCLES] [+verilator+...]
//
// IMAGES holds NAME.hex for every memory: a row a line. WORDS has a line for every word of the input
// port, "y x channel value" in hexadecimal, and "." for the end of a time step. Into the folder TRACE go
//   cycles.txt     sample step stage, cycles of setup accumulate inhibit minimum update output, waits
//   spikes.hex     every row of spikes as it is written: address, bits
//   membranes.hex  every row of membranes as it is written: address, bits
//   logits.hex     class, logit, as they are put out
// gap: probability that a word waits before it is offered, drawn every cycle; stall: that the output is
// not taken; meddle: that a busy core is offered a start and a word of configuration, which it may not
// take. aborts: before every other sample so many inferences are broken off by a reset. limit: an
// inference that takes more cycles is an error. Every finished sample is a line on stdout.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "Vcore.h"
#include "shape.h"
#include "verilated.h"

namespace {

const char* const kMemories[] = {"steps",  "program", "route",     "axis_y", "axis_x",
                                 "weight", "lane",    "parameter", "gain",   "table"};
constexpr int kPhases = 6;
constexpr uint32_t kProgram = 1;  // of kMemories

struct Word {
    uint32_t y, x, channel, value;
    bool last;
};

[[noreturn]] void fail(const std::string& message) {
    std::cerr << "testbench: " << message << "\n";
    std::exit(1);
}

// Hexadecimal digits of a port, which Verilator makes an integer or an array of 32-bit words.
template <typename T>
void digits(std::FILE* file, const T& value, int bits) {
    for (int i = (bits + 3) / 4 - 1; i >= 0; i--) {
        std::fputc("0123456789abcdef"[(static_cast<uint64_t>(value) >> (4 * i)) & 15], file);
    }
}
template <std::size_t N>
void digits(std::FILE* file, const VlWide<N>& value, int bits) {
    for (int i = (bits + 3) / 4 - 1; i >= 0; i--) {
        std::fputc("0123456789abcdef"[(value[i / 8] >> (4 * (i % 8))) & 15], file);
    }
}

std::FILE* open(const std::string& path) {
    std::FILE* file = std::fopen(path.c_str(), "w");
    if (!file) fail("cannot write " + path);
    return file;
}

class Testbench {
  public:
    Testbench(VerilatedContext* context, const std::string& trace)
        : core_(new Vcore(context)),
          cycles_(open(trace + "/cycles.txt")),
          spikes_(open(trace + "/spikes.hex")),
          membranes_(open(trace + "/membranes.hex")),
          logits_(open(trace + "/logits.hex")) {
        core_->clk = 0;
        core_->cfg_valid = core_->start = core_->in_valid = core_->out_ready = 0;
    }

    ~Testbench() {
        for (std::FILE* file : {cycles_, spikes_, membranes_, logits_}) std::fclose(file);
    }

    // Reset; the core then clears its sums, a row a cycle, and is idle. It may be reset meanwhile.
    void reset(bool again) {
        const uint32_t patience = again ? draw() % CLEAR_ROWS : CLEAR_ROWS;
        core_->reset = 1;
        core_->in_valid = 0;
        if (was_reset_) meddle();
        else settle();  // before its first reset a core is in any state
        clock();
        was_reset_ = true;
        core_->reset = 0;
        uint32_t spent = 0;
        for (meddle(); !core_->idle && spent < patience; spent++) {
            clock();
            meddle();
        }
        if (again) return reset(false);
        if (!core_->idle || spent != CLEAR_ROWS) fail("a reset does not clear a row a cycle");
    }

    void load(const std::string& images) {
        uint32_t steps = 0, number = 0;
        for (const char* name : kMemories) {
            std::ifstream file(images + "/" + name + ".hex");
            if (!file) fail("cannot read " + images + "/" + name + ".hex");
            std::string row;
            for (uint32_t address = 0; std::getline(file, row); address++) {
                configure(number, address, row, 0, words_of(row));
                if (number == 0) steps = std::stoul(row, nullptr, 16);
                if (number == kProgram && address == 0) first_entry_ = row;
            }
            number++;
        }
        if (steps == 0) fail("the program has no time steps");
    }

    // Run one inference on the words from `word` on; return the word behind its last one.
    std::size_t infer(const std::vector<Word>& words, std::size_t word, uint32_t sample) {
        for (uint32_t i = 0; i < aborts && sample % 2 == 0; i++) abort(words, word);
        // A row of configuration may be begun before an inference and ended behind it.
        const std::size_t pieces = words_of(first_entry_);
        if (meddling) configure(kProgram, 0, first_entry_, 0, pieces - 1);
        counts_.clear();
        start();
        uint64_t spent = 0;
        for (bool done = false; !done;) {
            if (++spent > limit) fail("sample " + std::to_string(sample) + " takes too long");
            done = cycle(words, word, true);
            if (core_->in_ready && word == words.size()) fail("the last sample is incomplete");
        }
        length_ = spent;
        meddle();
        if (meddling) configure(kProgram, 0, first_entry_, pieces - 1, pieces);
        write_cycles(sample);
        return word;
    }

    uint32_t gap = 0, stall = 0, meddling = 0, aborts = 0;
    uint64_t limit = uint64_t{1} << 32, random = 1;

  private:
    void settle() { core_->eval(); }

    void clock() {
        core_->clk = 1;
        core_->eval();
        core_->clk = 0;
        core_->eval();
    }

    void start() {
        core_->start = 1;
        clock();
    }

    // A cycle of an inference; return whether it is the last one.
    bool cycle(const std::vector<Word>& words, std::size_t& word, bool is_watched) {
        if (!core_->in_valid && word < words.size() && !chance(gap)) offer(words[word]);
        core_->out_ready = !chance(stall);
        meddle();
        const bool done = core_->watch_done;
        const bool taken = core_->in_valid && core_->in_ready;
        if (is_watched) watch();
        clock();
        if (taken) {
            core_->in_valid = 0;
            word++;
        }
        return done;
    }

    // Break an inference off. The moments, multiples of the golden ratio of the last one's duration, lie
    // evenly, however many there are.
    void abort(const std::vector<Word>& words, std::size_t word) {
        start();
        aborted_ += 0x9e3779b9;
        for (uint64_t left = aborted_ * length_ >> 32; left > 0 && !cycle(words, word, false);) left--;
        reset(chance(200));
    }

    // Offer a busy core a start and a word of configuration.
    void meddle() {
        const bool offers = !core_->idle && chance(meddling);
        core_->start = core_->cfg_valid = offers;
        if (offers) {
            core_->cfg_commit = draw() % 2;
            core_->cfg_memory = draw() % (sizeof kMemories / sizeof *kMemories);
            core_->cfg_address = draw() % CLEAR_ROWS;
            core_->cfg_data = draw();
        }
        settle();
        if (core_->cfg_ready != core_->idle) fail("the configuration port is ready in a busy core");
        if (core_->watch_phase >= kPhases && (core_->in_ready || core_->out_valid)) {
            fail("the core takes words or gives logits without an inference");
        }
    }

    static std::size_t words_of(const std::string& row) { return (row.size() + 7) / 8; }

    // Send the words first..last-1 of a row; its last word commits it.
    void configure(uint32_t memory, uint32_t address, const std::string& row, std::size_t first,
                   std::size_t last) {
        const std::size_t words = words_of(row), odd = row.size() - 8 * (words - 1);
        for (std::size_t i = first; i < last; i++) {
            core_->cfg_valid = 1;
            core_->cfg_commit = i == words - 1;
            core_->cfg_memory = memory;
            core_->cfg_address = address;
            const std::string digits = i == 0 ? row.substr(0, odd) : row.substr(odd + 8 * (i - 1), 8);
            core_->cfg_data = std::stoul(digits, nullptr, 16);
            settle();
            if (!core_->cfg_ready) fail("the configuration port is not ready");
            clock();
        }
        core_->cfg_valid = 0;
    }

    uint64_t draw() {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        return random;
    }

    bool chance(uint32_t permille) { return permille != 0 && draw() % 1000 < permille; }

    void offer(const Word& word) {
        core_->in_valid = 1;
        core_->in_last = word.last;
        core_->in_y = word.y;
        core_->in_x = word.x;
        core_->in_channel = word.channel;
        core_->in_value = word.value;
    }

    void watch() {
        const std::size_t at = core_->watch_step * kStages + core_->watch_stage;
        if (counts_.size() <= at) counts_.resize(at + 1);
        if (core_->watch_waits) counts_[at].waits++;
        else if (core_->watch_phase < kPhases) counts_[at].phases[core_->watch_phase]++;
        if (core_->watch_spike_write) {
            std::fprintf(spikes_, "%08x", static_cast<uint32_t>(core_->watch_spike_address));
            digits(spikes_, core_->watch_spikes, LANES * SPIKE_BITS);
            std::fputc('\n', spikes_);
        }
        if (core_->watch_membrane_write) {
            std::fprintf(membranes_, "%08x", static_cast<uint32_t>(core_->watch_membrane_address));
            digits(membranes_, core_->watch_membranes, UPDATE_LANES * MEMBRANE_BITS);
            std::fputc('\n', membranes_);
        }
        if (core_->out_valid && core_->out_ready) {
            std::fprintf(logits_, "%08x", static_cast<uint32_t>(core_->out_class));
            digits(logits_, core_->out_logit, ACCUMULATOR_BITS);
            std::fputc('\n', logits_);
        }
    }

    void write_cycles(uint32_t sample) {
        for (std::size_t at = 0; at < counts_.size(); at++) {
            const Count& count = counts_[at];
            if (count.phases[0] == 0) continue;
            std::fprintf(cycles_, "%u %zu %zu", sample, at / kStages, at % kStages);
            for (uint64_t n : count.phases) std::fprintf(cycles_, " %llu", (unsigned long long)n);
            std::fprintf(cycles_, " %llu\n", (unsigned long long)count.waits);
        }
    }

    struct Count {
        uint64_t phases[kPhases] = {}, waits = 0;
    };
    static constexpr std::size_t kStages = PROGRAM_ENTRIES;

    std::unique_ptr<Vcore> core_;
    std::FILE *cycles_, *spikes_, *membranes_, *logits_;
    std::vector<Count> counts_;
    std::string first_entry_;  // of the program
    uint64_t length_ = 64;     // of the last inference, in cycles
    uint32_t aborted_ = 0;
    bool was_reset_ = false;
};

std::vector<Word> read_words(const std::string& path) {
    std::ifstream file(path);
    if (!file) fail("cannot read " + path);
    std::vector<Word> words;
    for (std::string line; std::getline(file, line);) {
        Word word = {0, 0, 0, 0, line == "."};
        if (!word.last && std::sscanf(line.c_str(), "%x %x %x %x", &word.y, &word.x, &word.channel,
                                      &word.value) != 4) {
            fail("not a word: " + line);
        }
        words.push_back(word);
    }
    return words;
}

uint64_t option(const char* argument, const char* name, uint64_t otherwise) {
    const std::size_t length = std::strlen(name);
    if (std::strncmp(argument, name, length) || argument[length] != '=') return otherwise;
    return std::strtoull(argument + length + 1, nullptr, 10);
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 4) {
        fail("usage: testbench IMAGES WORDS TRACE [gap=] [stall=] [meddle=] [aborts=] [seed=] [limit=]");
    }
    VerilatedContext context;
    context.commandArgs(argc, argv);  // +verilator+rand+reset+2 +verilator+seed+N
    const std::vector<Word> words = read_words(argv[2]);
    Testbench bench(&context, argv[3]);
    for (int i = 4; i < argc; i++) {
        bench.gap = option(argv[i], "gap", bench.gap);
        bench.stall = option(argv[i], "stall", bench.stall);
        bench.meddling = option(argv[i], "meddle", bench.meddling);
        bench.aborts = option(argv[i], "aborts", bench.aborts);
        bench.limit = option(argv[i], "limit", bench.limit);
        bench.random = option(argv[i], "seed", bench.random);
    }
    bench.reset(bench.aborts > 0);
    bench.load(argv[1]);
    std::size_t word = 0;
    for (uint32_t sample = 0; word < words.size(); sample++) {
        const std::size_t first = word;
        word = bench.infer(words, word, sample);
        if (word == first) fail("an inference takes no word of the input port");
        std::cout << "sample " << sample + 1 << std::endl;
    }
    return 0;
}

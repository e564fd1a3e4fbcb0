// Drives the digital core in Verilator: loads its memories, sends words, writes down what happens.
//
//   testbench IMAGES WORDS TRACE [gap=PERMILLE] [stall=PERMILLE] [seed=N] [limit=CYCLES] [+verilator+...]
//
// IMAGES holds NAME.hex for every memory: a row a line. WORDS has a line for every word of the input
// port, "y x channel value" in hexadecimal, and "." for the end of a time step. Into the folder TRACE go
//   cycles.txt     sample step stage, cycles of setup accumulate inhibit minimum update output, waits
//   spikes.hex     every row of spikes as it is written: address, bits
//   membranes.hex  every row of membranes as it is written: address, bits
//   logits.hex     class, logit, as they are put out
// gap: probability that a word waits before it is offered, drawn every cycle; stall: that the output is
// not taken. limit: an inference that takes more cycles is an error. Every finished sample is a line on stdout.
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
        core_->reset = 1;
        for (int i = 0; i < 4; i++) clock();
        core_->reset = 0;
        settle();
        while (!core_->idle) clock();
    }

    ~Testbench() {
        for (std::FILE* file : {cycles_, spikes_, membranes_, logits_}) std::fclose(file);
    }

    uint32_t load(const std::string& images) {
        uint32_t steps = 0, number = 0;
        for (const char* name : kMemories) {
            std::ifstream file(images + "/" + name + ".hex");
            if (!file) fail("cannot read " + images + "/" + name + ".hex");
            std::string row;
            for (uint32_t address = 0; std::getline(file, row); address++) {
                configure(number, address, row);
                if (number == 0) steps = std::stoul(row, nullptr, 16);
            }
            number++;
        }
        if (steps == 0) fail("the program has no time steps");
        return steps;
    }

    // Run one inference on the words from `word` on; return the word behind its last one.
    std::size_t infer(const std::vector<Word>& words, std::size_t word, uint32_t sample) {
        counts_.clear();
        core_->start = 1;
        clock();
        core_->start = 0;
        uint64_t spent = 0;
        for (bool done = false; !done;) {
            if (++spent > limit) fail("sample " + std::to_string(sample) + " takes too long");
            if (!core_->in_valid && word < words.size() && !chance(gap)) offer(words[word]);
            core_->out_ready = !chance(stall);
            settle();
            done = core_->watch_done;
            const bool taken = core_->in_valid && core_->in_ready;
            watch();
            clock();
            if (taken) {
                core_->in_valid = 0;
                word++;
            }
        }
        core_->out_ready = 0;
        write_cycles(sample);
        return word;
    }

    uint32_t gap = 0, stall = 0;
    uint64_t limit = uint64_t{1} << 32, random = 1;

  private:
    void settle() { core_->eval(); }

    void clock() {
        core_->clk = 1;
        core_->eval();
        core_->clk = 0;
        core_->eval();
    }

    void configure(uint32_t memory, uint32_t address, const std::string& row) {
        const std::size_t words = (row.size() + 7) / 8;
        for (std::size_t i = 0, at = 0; i < words; i++) {
            const std::size_t length = i == 0 ? row.size() - 8 * (words - 1) : 8;
            core_->cfg_valid = 1;
            core_->cfg_commit = i == words - 1;
            core_->cfg_memory = memory;
            core_->cfg_address = address;
            core_->cfg_data = std::stoul(row.substr(at, length), nullptr, 16);
            at += length;
            settle();
            if (!core_->cfg_ready) fail("the configuration port is not ready");
            clock();
        }
        core_->cfg_valid = 0;
    }

    bool chance(uint32_t permille) {
        if (permille == 0) return false;
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        return random % 1000 < permille;
    }

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
            digits(spikes_, core_->watch_spikes, LANES);
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
    if (argc < 4) fail("usage: testbench IMAGES WORDS TRACE [gap=] [stall=] [seed=] [limit=]");
    VerilatedContext context;
    context.commandArgs(argc, argv);  // +verilator+rand+reset+2 +verilator+seed+N
    const std::vector<Word> words = read_words(argv[2]);
    Testbench bench(&context, argv[3]);
    for (int i = 4; i < argc; i++) {
        bench.gap = option(argv[i], "gap", bench.gap);
        bench.stall = option(argv[i], "stall", bench.stall);
        bench.limit = option(argv[i], "limit", bench.limit);
        bench.random = option(argv[i], "seed", bench.random);
    }
    const uint32_t steps = bench.load(argv[1]);
    uint64_t ends = 0;
    for (const Word& word : words) ends += word.last;
    const uint32_t samples = ends / steps;
    if (ends != static_cast<uint64_t>(samples) * steps) fail("the last sample is incomplete");
    std::size_t word = 0;
    for (uint32_t sample = 0; sample < samples; sample++) {
        word = bench.infer(words, word, sample);
        std::cout << "sample " << sample + 1 << std::endl;
    }
    if (word != words.size()) fail("the core left words of the input port");
    return 0;
}

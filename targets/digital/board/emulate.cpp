// The whole board behind a pseudo-terminal: UART pins to logits. Its name is the first line on stdout.
//
//   emulate [+verilator+...]
//
// Bytes that a program writes there come in at the receiver's pin, bit by bit, DIVISOR clock cycles a bit;
// what the transmitter's pin sends can be read there. Ends when its stdin does.
#include <fcntl.h>
#include <poll.h>
#include <termios.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <iostream>
#include <memory>

#include "Veideploy_board.h"
#include "board_shape.h"
#include "verilated.h"

namespace {

[[noreturn]] void fail(const char* what) {
    std::perror(what);
    std::exit(1);
}

int terminal() {
    const int fd = posix_openpt(O_RDWR | O_NOCTTY);
    if (fd < 0 || grantpt(fd) || unlockpt(fd)) fail("emulate: no pseudo-terminal");
    // An end that stays open here keeps the line up when the host closes its own.
    const int other = open(ptsname(fd), O_RDWR | O_NOCTTY);
    termios raw;
    if (other < 0 || tcgetattr(other, &raw)) fail("emulate: no pseudo-terminal");
    cfmakeraw(&raw);
    if (tcsetattr(other, TCSANOW, &raw)) fail("emulate: the pseudo-terminal is not raw");
    std::cout << ptsname(fd) << std::endl;
    return fd;
}

}  // namespace

int main(int argc, char** argv) {
    VerilatedContext context;
    context.commandArgs(argc, argv);
    auto board = std::make_unique<Veideploy_board>(&context);
    const int fd = terminal();
    std::deque<uint8_t> incoming;
    unsigned sending = 0, bits_left = 0, cycle_left = 0;     // towards the receiver
    unsigned gathering = 0, bits_due = 0, sample_left = 0;   // from the transmitter
    board->clk = 0;
    board->rx = 1;
    board->ready = 1;
    for (uint64_t quiet = 0;;) {
        const bool is_idle = quiet > 2000 && !board->busy && incoming.empty() && !bits_left;
        pollfd ends[2] = {{fd, POLLIN, 0}, {0, POLLIN, 0}};
        if (poll(ends, 2, is_idle ? 1000 : 0) > 0) {
            uint8_t bytes[4096];
            if (ends[0].revents & POLLIN) {
                const ssize_t n = read(fd, bytes, sizeof bytes);
                for (ssize_t i = 0; i < n; i++) incoming.push_back(bytes[i]);
            }
            if (ends[1].revents && read(0, bytes, sizeof bytes) <= 0) return 0;
        }
        if (is_idle && incoming.empty()) continue;
        for (int i = 0; i < 2000; i++, quiet++) {
            if (!bits_left && !incoming.empty()) {
                sending = (incoming.front() << 1) | 0x200;
                incoming.pop_front();
                bits_left = 10;
                cycle_left = DIVISOR;
                quiet = 0;
            }
            board->rx = bits_left ? sending & 1 : 1;
            if (bits_left && !--cycle_left) {
                sending >>= 1;
                bits_left--;
                cycle_left = DIVISOR;
            }
            board->clk = 1;
            board->eval();
            board->clk = 0;
            board->eval();
            if (!bits_due) {
                if (!board->tx) {
                    bits_due = 10;
                    gathering = 0;
                    sample_left = DIVISOR / 2;
                }
            } else if (!--sample_left) {
                gathering = (gathering >> 1) | (board->tx ? 0x200 : 0);
                sample_left = DIVISOR;
                if (!--bits_due) {
                    const uint8_t byte = (gathering >> 1) & 0xff;
                    if (write(fd, &byte, 1) != 1) fail("emulate: the pseudo-terminal takes nothing");
                    quiet = 0;
                }
            }
        }
    }
}

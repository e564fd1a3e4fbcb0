/* Return x / 2^by, floored. */
static inline int64_t floored(int64_t x, unsigned by)
{
    return x >= 0 ? x >> by : ~(~x >> by);
}

/* Return x / 2^by, floored, in 32 bits. */
static inline int32_t floored_short(int32_t x, unsigned by)
{
    return x >= 0 ? x >> by : ~(~x >> by);
}

/* Return the position of the highest bit of x > 0, in 32 bits. */
static inline int32_t leading_one_short(uint32_t x)
{
    int32_t at = 0;
    uint32_t half = x;
    if (half >= 0x10000u) {
        half >>= 16;
        at += 16;
    }
    if (half >= 0x100u) {
        half >>= 8;
        at += 8;
    }
    if (half >= 0x10u) {
        half >>= 4;
        at += 4;
    }
    if (half >= 4u) {
        half >>= 2;
        at += 2;
    }
    return half >= 2u ? at + 1 : at;
}

/* Return the position of the highest bit of x > 0. */
static inline int32_t leading_one(uint64_t x)
{
    const uint32_t high = (uint32_t)(x >> 32);
    return high != 0u ? 32 + leading_one_short(high) : leading_one_short((uint32_t)x);
}

/* Return the `bits` bits below the leading one of x > 0, which stands at `one`, in 32 bits. */
static inline int32_t below_leading_short(int32_t x, int32_t one, int32_t bits)
{
    const int32_t down = one - bits;
    const int32_t kept = down >= 0 ? x >> down : (int32_t)((uint32_t)x << -down);
    return kept - ((int32_t)1 << bits);
}

/* Return what `scaled` does, of what 32 bits hold before and after. */
static inline int32_t scaled_short(int32_t x, int32_t power, int32_t bits)
{
    const int32_t beyond = (int32_t)1 << bits;
    if (power > 0) {
        return power > bits || x > (beyond >> power) ? (x == 0 ? 0 : beyond)
                                                     : (int32_t)((uint32_t)x << power);
    }
    if (power == 0) {
        return x;
    }
    return power < -31 ? 0 : ((x >> (-power - 1)) + 1) >> 1;
}

/* Return what `ratio` does, of a doubled numerator and a divisor that 32 bits hold. */
static inline int32_t ratio_short(int32_t num, int32_t den, int32_t fraction)
{
    const uint32_t doubled = (uint32_t)num << (fraction > 0 ? fraction + 1 : 1);
    const int32_t down = fraction < 0 ? 1 - fraction : 1;
    uint32_t divisor;
    if (down > 31 - leading_one_short((uint32_t)den)) {
        return 0;
    }
    divisor = (uint32_t)den << down;
    return (int32_t)((doubled + (divisor >> 1)) / divisor);
}

/* Return the `bits` bits below the leading one of x > 0, which stands at `one`. */
static inline int64_t below_leading(int64_t x, int64_t one, int32_t bits)
{
    const int32_t down = (int32_t)one - bits;
    const int64_t kept = down >= 0 ? x >> down : (int64_t)((uint64_t)x << -down);
    return kept - ((int64_t)1 << bits);
}

/* Return 2^power x of x >= 0, rounded to nearest, ties up; 2^bits where it is that or more. */
static inline int64_t scaled(int64_t x, int64_t power, int32_t bits)
{
    const int64_t beyond = (int64_t)1 << bits;
    if (power > 0) {
        return power > bits || x > (beyond >> power) ? (x == 0 ? 0 : beyond)
                                                     : (int64_t)((uint64_t)x << power);
    }
    if (power == 0) {
        return x;
    }
    return power < -62 ? 0 : ((x >> (-power - 1)) + 1) >> 1;
}

/* Return 2^fraction num / den of num >= 0 and den > 0, rounded to nearest, ties up. */
static inline int64_t ratio(int64_t num, int64_t den, int64_t fraction)
{
    const uint64_t doubled = (uint64_t)num << (fraction > 0 ? fraction + 1 : 1);
    const int64_t down = fraction < 0 ? 1 - fraction : 1;
    uint64_t divisor;
    if (down > 62 - leading_one((uint64_t)den)) {
        return 0;
    }
    divisor = (uint64_t)den << down;
    return (int64_t)((doubled + (divisor >> 1)) / divisor);
}

/* Return x 2^(code - 1), or 0 where code is 0. */
static inline int64_t shifted(int64_t x, uint32_t code)
{
    return code == 0u ? 0 : (int64_t)((uint64_t)x << (code - 1u));
}

/* Return what `shifted` does, of what 32 bits hold before and after. */
static inline int32_t shifted_short(int32_t x, uint32_t code)
{
    return code == 0u ? 0 : (int32_t)((uint32_t)x << (code - 1u));
}

/* Return whether entry i of spikes, eight to a byte, is set. */
static inline uint32_t spike(const uint8_t *spikes, uint32_t i)
{
    return ((uint32_t)spikes[i / 8u] >> (i % 8u)) & 1u;
}

/* Set entry i of spikes, eight to a byte. */
static inline void set_spike(uint8_t *spikes, uint32_t i)
{
    spikes[i / 8u] = (uint8_t)(spikes[i / 8u] | (1u << (i % 8u)));
}

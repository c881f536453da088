/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What every fuzz program has: one function that is given arbitrary bytes.
 * Built by clang it is a libFuzzer program (fuzz_NAME), by any compiler a
 * program that replays files (replay_NAME).
 */
#ifndef TEST_FUZZ_H
#define TEST_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "util/arena.h"
#include "util/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* What a parser promises of its result. */
#define PROMISE(condition) do { if (!(condition)) __builtin_trap(); } while (0)

#endif

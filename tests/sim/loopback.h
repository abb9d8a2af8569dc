/* loopback.h -- whether a test may count on ::1. */
#ifndef TESTS_SIM_LOOPBACK_H
#define TESTS_SIM_LOOPBACK_H

/* Skips the running test, saying why, on a machine without it. */
void loopback_needs_ipv6(void);

#endif

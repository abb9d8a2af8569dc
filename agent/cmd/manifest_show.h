/* manifest_show.h -- a snapshot, for people. */
#ifndef AGENT_CMD_MANIFEST_SHOW_H
#define AGENT_CMD_MANIFEST_SHOW_H

struct manifest;

/* A few lines: what, when, how much, its fingerprint. */
void manifest_show_short(const struct manifest *);

/* All of it. */
void manifest_show(const struct manifest *);

#endif

/*
 * promotion_probe.h -- what a client will find that dials an alias.
 */
#ifndef AGENT_JOB_PROMOTION_PROBE_H
#define AGENT_JOB_PROMOTION_PROBE_H

struct err;
struct scope;

/*
 * Connects to host as a client would that believes it dials alias: at the
 * source's port, by TLS where the source has it, with alias as the name that
 * the certificate must hold for (by the DR Redis' authorities), and with the
 * source's credential, which is the one that clients have.  The source itself
 * is not asked.  For lever_work.probe; agent is the arg.
 */
int promotion_probe(void *agent, const struct scope *, const char *alias,
    const char *host, struct err *);

#endif

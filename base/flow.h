/*
 * flow.h -- a chain of stages, put together, driven and taken down as one.
 *
 * It owns its stages and a cancel of its own, a child of the caller's scope:
 * when one stage fails, the others' waits end.  Stages are appended from the
 * first to the last and take flow_scope() for whatever they wait for.
 */
#ifndef BASE_FLOW_H
#define BASE_FLOW_H

struct chunk;
struct err;
struct flow;
struct scope;
struct sink;

struct flow *flow_new(const struct scope *);

/* Valid as long as the flow. */
const struct scope *flow_scope(const struct flow *);

/* Takes the stage, also when it is NULL, so that a constructor's failure
 * passes through: returns -1 then, with the constructor's err untouched. */
int flow_append(struct flow *, struct sink *take);

/* The first stage, for a producer that writes sinks. */
struct sink *flow_head(const struct flow *);

/*
 * To be called by whoever drove the flow and failed, be it in a write, in
 * finish or in a wait of its own under flow_scope(): where that was only
 * cancelled because a stage on another thread had failed, err becomes the
 * stage's.  Always -1.
 */
int flow_failed(const struct flow *, struct err *);

/* Cancels what has not finished, and frees the stages from first to last. */
void flow_free(struct flow *);

#endif

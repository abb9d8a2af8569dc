#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/digest.h"
#include "base/err.h"
#include "base/sink.h"
#include "storage/digest_tap.h"
#include "tests/sim/catcher.h"

static void
it_passes_all_on_and_knows_its_digest(void **state)
{
	struct sink *sha_tap = digest_tap_new();
	struct sink *md5_tap = digest_tap_new_md5();
	unsigned char sha[SHA256_BYTES], sum[MD5_BYTES];
	unsigned char sha_want[SHA256_BYTES], sum_want[MD5_BYTES];
	unsigned char data[10000];
	struct err err = {0};
	struct catcher out;
	uint64_t bytes;

	(void)state;
	catcher_init(&out);
	fill_noise(data, sizeof(data), 1);
	sha256(data, sizeof(data), sha_want);
	md5(data, sizeof(data), sum_want);
	sha_tap->next = md5_tap;
	md5_tap->next = &out.base;
	assert_int_equal(
	    write_steps(sha_tap, data, sizeof(data), 777, &err), 0);
	assert_int_equal(sink_finish(sha_tap, &err), 0);
	digest_tap_get(sha_tap, sha, &bytes);
	assert_int_equal(bytes, sizeof(data));
	assert_memory_equal(sha, sha_want, sizeof(sha));
	digest_tap_get_md5(md5_tap, sum, NULL);
	assert_memory_equal(sum, sum_want, sizeof(sum));
	assert_true(out.finished);
	assert_int_equal(out.len, sizeof(data));
	assert_memory_equal(out.data, data, sizeof(data));
	sink_free(sha_tap);
	sink_free(md5_tap);
	catcher_release(&out);
}

static void
failures_behind_it_pass_through(void **state)
{
	struct sink *tap = digest_tap_new();
	struct err err = {0};
	struct catcher out;

	(void)state;
	catcher_init(&out);
	out.fail_at = 2;
	out.fail_finish = true;
	tap->next = &out.base;
	assert_int_equal(sink_write_bytes(tap, "a", 1, &err), 0);
	assert_int_equal(sink_write_bytes(tap, "b", 1, &err), -1);
	assert_string_equal(err.text, "write 2");
	assert_int_equal(sink_finish(tap, &err), -1);
	assert_string_equal(err.text, "finish");
	sink_free(tap);
	catcher_release(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(it_passes_all_on_and_knows_its_digest),
	    cmocka_unit_test(failures_behind_it_pass_through),
	};

	return cmocka_run_group_tests_name("digest_tap", tests, NULL, NULL);
}

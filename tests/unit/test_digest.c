#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/digest.h"
#include "base/err.h"

static void
assert_hex(const unsigned char *got, size_t len, const char *want)
{
	char hex[2 * 64 + 1];

	assert_true(len <= 64);
	hex_encode(got, len, hex);
	assert_string_equal(hex, want);
}

/* FIPS 180-2 and RFC 1321. */
static void
digests_agree_with_the_standards(void **state)
{
	unsigned char out[SHA256_BYTES];

	(void)state;
	sha256("abc", 3, out);
	assert_hex(out, SHA256_BYTES,
	    "ba7816bf8f01cfea414140de5dae2223"
	    "b00361a396177a9cb410ff61f20015ad");
	sha256("", 0, out);
	assert_hex(out, SHA256_BYTES,
	    "e3b0c44298fc1c149afbf4c8996fb924"
	    "27ae41e4649b934ca495991b7852b855");
	md5("message digest", 14, out);
	assert_hex(out, MD5_BYTES, "f96b697d7cb7938d525a2f31aaf161d0");
}

static void
a_running_digest_takes_pieces(void **state)
{
	unsigned char out[SHA256_BYTES];
	struct digest *d = digest_new(DIGEST_SHA256);

	(void)state;
	digest_update(d, "a", 1);
	digest_update(d, "", 0);
	digest_update(d, "bc", 2);
	digest_final(d, out);
	digest_free(d);
	assert_hex(out, SHA256_BYTES,
	    "ba7816bf8f01cfea414140de5dae2223"
	    "b00361a396177a9cb410ff61f20015ad");

	d = digest_new(DIGEST_MD5);
	digest_update(d, "abc", 3);
	digest_final(d, out);
	digest_free(d);
	assert_hex(out, MD5_BYTES, "900150983cd24fb0d6963f7d28e17f72");
	digest_free(NULL);
}

/* RFC 4231, cases 2 and 6, and the empty key. */
static void
hmac_agrees_with_the_standard(void **state)
{
	static const char text[] =
	    "Test Using Larger Than Block-Size Key - Hash Key First";
	unsigned char key[131], out[SHA256_BYTES];

	(void)state;
	hmac_sha256("Jefe", 4, "what do ya want for nothing?", 28, out);
	assert_hex(out, SHA256_BYTES,
	    "5bdcc146bf60754e6a042426089575c7"
	    "5a003f089d2739839dec58b964ec3843");
	memset(key, 0xaa, sizeof(key));
	hmac_sha256(key, sizeof(key), text, sizeof(text) - 1, out);
	assert_hex(out, SHA256_BYTES,
	    "60e431591ee0b67f0d8a26aacbf5b77f"
	    "8e0bc6213728c5140546040f0ee37f54");
	hmac_sha256(NULL, 0, "", 0, out);
	assert_hex(out, SHA256_BYTES,
	    "b613679a0814d9ec772f95d778c35fc5"
	    "ff1697c493715653c6c712144292c5ad");
}

/* RFC 4231, case 2, twice by one key; and the empty key. */
static void
a_key_made_ready_signs_the_same_any_number_of_times(void **state)
{
	static const char text[] = "what do ya want for nothing?";
	struct hmac *h = hmac_new("Jefe", 4), *none = hmac_new(NULL, 0);
	unsigned char out[SHA256_BYTES], other[SHA256_BYTES];

	(void)state;
	for (int i = 0; i < 3; i++) {
		hmac_sum(h, text, sizeof(text) - 1, out);
		assert_hex(out, SHA256_BYTES,
		    "5bdcc146bf60754e6a042426089575c7"
		    "5a003f089d2739839dec58b964ec3843");
		hmac_sum(h, "other", 5, other);
		hmac_sha256("Jefe", 4, "other", 5, out);
		assert_memory_equal(out, other, SHA256_BYTES);
	}
	hmac_sum(none, "", 0, out);
	assert_hex(out, SHA256_BYTES,
	    "b613679a0814d9ec772f95d778c35fc5"
	    "ff1697c493715653c6c712144292c5ad");
	hmac_free(h);
	hmac_free(none);
	hmac_free(NULL);
}

/* RFC 5869, case 3 (no salt, no info), and info in use. */
static void
hkdf_agrees_with_the_standard(void **state)
{
	unsigned char key[22], out[42], other[42];

	(void)state;
	memset(key, 0x0b, sizeof(key));
	hkdf_sha256(key, sizeof(key), "", 0, "", out, sizeof(out));
	assert_hex(out, sizeof(out),
	    "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d"
	    "9d201395faa4b61a96c8");
	hkdf_sha256(key, sizeof(key), "", 0, "part 1", other, sizeof(other));
	assert_memory_not_equal(out, other, sizeof(out));
}

static void
hex_goes_both_ways(void **state)
{
	static const char *const bad[] = {
	    "", "00", "0001f", "0001fg", "0001ff0", "0001 f"};
	unsigned char out[3];
	struct err err = {0};

	(void)state;
	assert_int_equal(hex_decode("00aBFf", out, 3, &err), 0);
	assert_hex(out, 3, "00abff");
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		assert_int_equal(hex_decode(bad[i], out, 3, &err), -1);
		assert_int_equal(err.kind, ERR_CORRUPT);
	}
}

/* RFC 4648, section 10. */
static void
base64_goes_both_ways(void **state)
{
	static const char *const texts[] = {
	    "", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"};
	struct err err = {0};
	struct buf b;

	(void)state;
	buf_init(&b, 100);
	for (size_t len = 0; len <= 6; len++) {
		buf_truncate(&b, 0);
		base64_encode(&b, "foobar", len);
		assert_string_equal(b.data, texts[len]);
		buf_truncate(&b, 0);
		assert_int_equal(base64_decode(&b, texts[len], &err), 0);
		assert_int_equal(b.len, len);
		assert_memory_equal(b.data, "foobar", len);
	}
	buf_truncate(&b, 0);
	assert_int_equal(base64_decode(&b, "+/AA/w==", &err), 0);
	assert_memory_equal(b.data, "\xfb\xf0\x00\xff", 4);
	buf_release(&b);
}

static void
base64_that_is_none_is_refused(void **state)
{
	static const char *const bad[] = {"Z", "Zg", "Zg=", "Zg===", "Zh==",
	    "Zm9=", "====", "Zg==Zg==", "Zm9v\nZg==", "Zm9 ", "Zm-_",
	    "=g==", "Z=g="};
	struct err err = {0};
	struct buf b;

	(void)state;
	buf_init(&b, 100);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		assert_int_equal(base64_decode(&b, bad[i], &err), -1);
		assert_int_equal(err.kind, ERR_CORRUPT);
	}
	buf_release(&b);
	buf_init(&b, 2);
	assert_int_equal(base64_decode(&b, "Zm9v", &err), -1);
	buf_release(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(digests_agree_with_the_standards),
	    cmocka_unit_test(a_running_digest_takes_pieces),
	    cmocka_unit_test(hmac_agrees_with_the_standard),
	    cmocka_unit_test(
		a_key_made_ready_signs_the_same_any_number_of_times),
	    cmocka_unit_test(hkdf_agrees_with_the_standard),
	    cmocka_unit_test(hex_goes_both_ways),
	    cmocka_unit_test(base64_goes_both_ways),
	    cmocka_unit_test(base64_that_is_none_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

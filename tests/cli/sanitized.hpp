// Is this a build with a sanitizer? It holds memory of its own, and takes addresses without end.
#pragma once

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define TACIT_TEST_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define TACIT_TEST_SANITIZED 1
#endif
#endif

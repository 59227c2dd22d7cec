// Whether a sanitizer makes the program ten times slower, and gives memory another price.
#ifndef TWIN_TESTS_SUPPORT_SANITIZED_H_
#define TWIN_TESTS_SUPPORT_SANITIZED_H_

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define TWIN_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define TWIN_SANITIZED 1
#endif
#endif

namespace twin::testing {

#ifdef TWIN_SANITIZED
inline constexpr bool kSanitized = true;
#else
inline constexpr bool kSanitized = false;
#endif

}  // namespace twin::testing

#endif  // TWIN_TESTS_SUPPORT_SANITIZED_H_

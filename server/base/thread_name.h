// Names of threads, as `top -H`, `perf` and a debugger show them.
#ifndef TWIN_SERVER_BASE_THREAD_NAME_H_
#define TWIN_SERVER_BASE_THREAD_NAME_H_

#include <pthread.h>

namespace twin {

// Names the calling thread. At most 15 characters; with more it keeps the name that it had.
inline void NameThread(const char* name) { (void)pthread_setname_np(pthread_self(), name); }

}  // namespace twin

#endif  // TWIN_SERVER_BASE_THREAD_NAME_H_

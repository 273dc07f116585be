// What top(1) and a debugger call a thread.
#pragma once

#include <pthread.h>

#include <string>

namespace postern::net {

/// At most 15 letters. That of the main thread is the process's, which stays `postern`.
inline void name_this_thread(const std::string& name) { ::pthread_setname_np(::pthread_self(), name.c_str()); }

}  // namespace postern::net

// Leaks of a driver can be told from ours by its name only while it is loaded, and the Vulkan
// loader unloads drivers with the instance. So a test that runs under LeakSanitizer keeps Mesa's
// driver in software loaded; include this in one file of the test binary.
#pragma once

#include <dlfcn.h>

namespace weft::test {

#if defined(__SANITIZE_ADDRESS__)
inline void* const pinned_vulkan_driver =
    dlopen("libvulkan_lvp.so", RTLD_LAZY | RTLD_LOCAL | RTLD_NODELETE);
#endif

}  // namespace weft::test

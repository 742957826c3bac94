# Entry of find_package(weft) for a plugin built outside the tree.
include(${CMAKE_CURRENT_LIST_DIR}/weftTargets.cmake)
include(${CMAKE_CURRENT_LIST_DIR}/WeftPlugin.cmake)

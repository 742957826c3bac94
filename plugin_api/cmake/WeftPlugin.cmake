# How a Weft plugin is linked, inside the tree and out of it.
#
#   weft_add_plugin(<name> SOURCES <files...> [LIBRARIES <targets...>])
#
# builds weft_<name>.so into <build>/lib/weft/plugins, where a weft of the same build looks, and
# installs it to <prefix>/lib/weft/plugins. The target is weft_<name>.
#
#   weft_plugin_link(<target>)
#
# gives an existing MODULE library the same rules. Why each flag:
#   -fvisibility=hidden, version script, --exclude-libs   one exported symbol; a library that host
#                            and plugin both contain resolves inside the plugin, not in the host
#   -fno-gnu-unique          template singletons stay inside the plugin
#   -z nodelete              a thread of the plugin may outlive its last user
#   -z defs                  an undefined symbol fails here, not at a user's first call
#   -z relro -z now          tables of pointers are read-only after loading

get_filename_component(WEFT_PLUGIN_MAP_ ${CMAKE_CURRENT_LIST_DIR}/weft_plugin.map ABSOLUTE)
if(NOT EXISTS ${WEFT_PLUGIN_MAP_})
  get_filename_component(WEFT_PLUGIN_MAP_ ${CMAKE_CURRENT_LIST_DIR}/../weft_plugin.map ABSOLUTE)
endif()
set(WEFT_PLUGIN_MAP ${WEFT_PLUGIN_MAP_} CACHE INTERNAL "Export map of every plugin")

function(weft_plugin_link target)
  if(TARGET weft::weft_plugin_api)
    target_link_libraries(${target} PRIVATE weft::weft_plugin_api)
  else()
    target_link_libraries(${target} PRIVATE weft_plugin_api)
  endif()
  set_target_properties(${target} PROPERTIES
    PREFIX "" SUFFIX ".so" POSITION_INDEPENDENT_CODE ON
    C_VISIBILITY_PRESET hidden CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON
    LINK_DEPENDS ${WEFT_PLUGIN_MAP})
  target_compile_options(${target} PRIVATE
    $<$<AND:$<COMPILE_LANGUAGE:CXX>,$<CXX_COMPILER_ID:GNU>>:-fno-gnu-unique>)
  target_link_options(${target} PRIVATE
    -Wl,-z,nodelete -Wl,-z,relro -Wl,-z,now -Wl,--exclude-libs,ALL
    -Wl,--version-script=${WEFT_PLUGIN_MAP})
  # A sanitizer's runtime lives in the executable, so its symbols are undefined here by design.
  if(NOT WEFT_SANITIZE)
    target_link_options(${target} PRIVATE -Wl,-z,defs)
  endif()
endfunction()

function(weft_add_plugin name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;LIBRARIES")
  if(NOT arg_SOURCES OR arg_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "weft_add_plugin(${name} SOURCES files... [LIBRARIES targets...])")
  endif()
  set(target weft_${name})
  add_library(${target} MODULE ${arg_SOURCES})
  if(TARGET weft_options)
    target_link_libraries(${target} PRIVATE weft_options)
  endif()
  target_link_libraries(${target} PRIVATE ${arg_LIBRARIES})
  weft_plugin_link(${target})
  set_target_properties(${target} PROPERTIES
    LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/lib/weft/plugins)
  install(TARGETS ${target} LIBRARY DESTINATION lib/weft/plugins COMPONENT plugins)
  # Tests that look at every built plugin read this list.
  set_property(GLOBAL APPEND PROPERTY WEFT_PLUGIN_TARGETS ${target})
endfunction()

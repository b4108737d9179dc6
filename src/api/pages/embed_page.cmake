# Turns a page into C++ at configure time; touching the page configures again.

# embed_page(FUNCTION FILE) writes FUNCTION.cc into the binary folder: the function of pages.h that returns the page.
function(embed_page function file)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${file})
  file(READ ${file} page)
  set(source "#include \"api/pages/pages.h\"\n\nstd::string_view rerank::api::${function}() {\n  return R\"PAGE(${page})PAGE\";\n}\n")
  set(output ${CMAKE_CURRENT_BINARY_DIR}/${function}.cc)
  set(before "")
  if(EXISTS ${output})
    file(READ ${output} before)
  endif()
  if(NOT source STREQUAL before)
    file(WRITE ${output} "${source}")
  endif()
endfunction()

# twin_refuse_unregistered(<root> <files>)
#
# Fails when a test, benchmark or fuzz file under <root> is not among <files>: a file that is never
# built looks like a test and is none. Adding such a file makes the build configure again.
function(twin_refuse_unregistered root registered)
  set(found "")
  file(GLOB folders LIST_DIRECTORIES true ${root}/*)
  list(REMOVE_ITEM folders ${root}/build)
  foreach(folder ${folders})
    file(GLOB_RECURSE files CONFIGURE_DEPENDS ${folder}/*_test.cc ${folder}/*_test.py
      ${folder}/*_bench.cc ${folder}/*_fuzz.cc)
    list(APPEND found ${files})
  endforeach()
  list(REMOVE_ITEM found ${registered})
  if(found)
    list(JOIN found "\n  " found)
    message(FATAL_ERROR "Files that no target runs; name each in the CMakeLists.txt beside it "
      "(TESTS, BENCHES, FUZZERS of twin_module, or twin_python_test):\n  ${found}")
  endif()
endfunction()

# What other programs get: librerank with the public headers, found by find_package(rerank), the program, and the model
# that ships.
include(CMakePackageConfigHelpers)

set(rooms base tokenizer checkpoint backend prompt model engine)
list(TRANSFORM rooms REPLACE "(.+)" "$<TARGET_OBJECTS:room_\\1>" OUTPUT_VARIABLE room_objects)
add_library(librerank SHARED ${room_objects})
add_library(rerank::rerank ALIAS librerank)
set_target_properties(librerank PROPERTIES OUTPUT_NAME rerank EXPORT_NAME rerank LINKER_LANGUAGE CXX
                      VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
target_link_libraries(librerank PRIVATE room_engine)  # for what the rooms themselves need
target_include_directories(librerank INTERFACE $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>
                           $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
target_compile_features(librerank INTERFACE cxx_std_20)

install(TARGETS librerank EXPORT rerank)
install(TARGETS rerank)
install(DIRECTORY include/rerank DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(PROGRAMS scripts/start_rerank.sh DESTINATION ${CMAKE_INSTALL_BINDIR})
install(FILES scripts/start_process.sh scripts/start_settings.sh scripts/qwen3_reranker.jinja DESTINATION ${CMAKE_INSTALL_DATADIR}/rerank)
install(DIRECTORY deploy DESTINATION ${CMAKE_INSTALL_DATADIR}/rerank)
install(DIRECTORY models/demo DESTINATION ${CMAKE_INSTALL_DATADIR}/rerank/models)
install(EXPORT rerank NAMESPACE rerank:: FILE rerankConfig.cmake DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/rerank)
write_basic_package_version_file(rerankConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/rerankConfigVersion.cmake DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/rerank)

include(cmake/install_client.cmake)

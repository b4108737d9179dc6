# What programs get that only ask a server: librerank-client and its headers, found by find_package(rerank-client) or
# pkg-config, installed alone by `cmake --install BUILD --component client`. Nothing of the engine is linked.
set(client_rooms http client settings)
list(TRANSFORM client_rooms REPLACE "(.+)" "$<TARGET_OBJECTS:room_\\1>" OUTPUT_VARIABLE client_objects)
add_library(librerank-client SHARED ${client_objects})
add_library(rerank::client ALIAS librerank-client)
set_target_properties(librerank-client PROPERTIES OUTPUT_NAME rerank-client EXPORT_NAME client LINKER_LANGUAGE CXX
                      VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
# Of the rooms below only what is used, and of their libraries none that is not.
target_link_options(librerank-client PRIVATE LINKER:--as-needed)
target_link_libraries(librerank-client PRIVATE room_client room_settings)
target_include_directories(librerank-client INTERFACE $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>
                           $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
target_compile_features(librerank-client INTERFACE cxx_std_20)

set(client_package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/rerank-client)
install(TARGETS librerank-client EXPORT rerank-client COMPONENT client)
set(client_headers client error settings version)
list(TRANSFORM client_headers REPLACE "(.+)" "include/rerank/\\1.h")
install(FILES ${client_headers} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/rerank COMPONENT client)
install(EXPORT rerank-client NAMESPACE rerank:: FILE rerank-clientConfig.cmake DESTINATION ${client_package_dir}
        COMPONENT client)
write_basic_package_version_file(rerank-clientConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/rerank-clientConfigVersion.cmake DESTINATION ${client_package_dir} COMPONENT client)

# Relative to the file itself, so that the prefix may be chosen at installation.
file(RELATIVE_PATH to_prefix /prefix/${CMAKE_INSTALL_LIBDIR}/pkgconfig /prefix)
configure_file(cmake/rerank-client.pc.in rerank-client.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/rerank-client.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT client)

# Eigen 3.4 or any later one, Eigen 5 too. find_package is asked for no version: under Eigen's SameMajorVersion rule 5 does not pass for 3.4,
# and 3.4.0 itself refuses a range. Read after find_package(Eigen3); leaves a sentence in TACIT_EIGEN_PROBLEM, empty when there is none.
set(TACIT_EIGEN_PROBLEM "")
if(NOT Eigen3_VERSION OR Eigen3_VERSION VERSION_LESS 3.4)
  set(TACIT_EIGEN_PROBLEM
      "Tacit needs Eigen 3.4 or later and found version '${Eigen3_VERSION}' in ${Eigen3_DIR}. Install a later one, and where both are there name its folder with -DEigen3_DIR=."
  )
endif()

extern "Python+C" void pyd_job_python(void);

"""Read and write workbooks: XLSX, XLS and ODS."""
